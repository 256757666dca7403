namespace MlServe.Hosting;

/// <summary>
/// The typed door to a model that may not be loaded yet: until then its callers get an exception with the status, as later on.
/// </summary>
internal sealed class ModelDoor<TInput, TOutput>(IPredictor predictor, IPredictionMapper<TInput, TOutput> mapper)
    : IPredictor<TInput, TOutput>
{
    private readonly VersionSet _versions = predictor.GetService<VersionSet>()!;
    private readonly IPredictor<TInput, TOutput> _door = predictor.As(mapper);

    private PredictionError? NotLoadedYet => _versions.Last is null ? _versions.Refusal : null;

    public ValueTask<TOutput> PredictAsync(TInput input, PredictionOptions? options = null,
        CancellationToken cancellationToken = default) =>
        NotLoadedYet is { } error
            ? ValueTask.FromException<TOutput>(new PredictionException(error))
            : _door.PredictAsync(input, options, cancellationToken);

    public ValueTask<IReadOnlyList<PredictionResult<TOutput>>> PredictManyAsync(
        IReadOnlyList<TInput> inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default) =>
        inputs is not null && NotLoadedYet is { } error
            ? new(Enumerable.Repeat(new PredictionResult<TOutput>(error), inputs.Count).ToArray())
            : _door.PredictManyAsync(inputs!, options, cancellationToken);
}
