namespace MlServe.Hosting;

/// <summary>Stands for a typed door that no model has: it says which doors there are.</summary>
internal sealed class UnknownDoor<TInput, TOutput> : IPredictor<TInput, TOutput>
{
    /// <exception cref="InvalidOperationException">Always.</exception>
    public UnknownDoor(PredictorProvider provider) => throw provider.NoSuchDoor(typeof(IPredictor<TInput, TOutput>));

    public ValueTask<TOutput> PredictAsync(TInput input, PredictionOptions? options, CancellationToken cancellationToken) =>
        throw new NotSupportedException();
}
