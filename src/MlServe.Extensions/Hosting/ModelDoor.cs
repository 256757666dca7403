namespace MlServe.Hosting;

/// <summary>The typed door to a model that may not be loaded yet: until then its callers get an exception with the status, as later on.</summary>
internal sealed class ModelDoor<TInput, TOutput>(IPredictor predictor, IPredictionMapper<TInput, TOutput> mapper) : IPredictor<TInput, TOutput>
{
    private readonly HostedModel _model = predictor.GetService<HostedModel>()!;
    private readonly IPredictor<TInput, TOutput> _door = predictor.As(mapper);

    public ValueTask<TOutput> PredictAsync(TInput input, CancellationToken cancellationToken = default) =>
        _model.NotLoadedYet is { } error ? throw new PredictionException(error) : _door.PredictAsync(input, cancellationToken);
}
