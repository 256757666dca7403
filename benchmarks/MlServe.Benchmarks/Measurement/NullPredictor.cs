namespace MlServe.Benchmarks.Measurement;

/// <summary>Answers at once with no outputs: what is measured around it is the pipeline alone.</summary>
internal sealed class NullPredictor : IPredictor
{
    public ModelSignature Signature { get; } = new(
        [], [new() { Name = "y", Kind = ValueKind.Tensor, ElementType = Tensors.ElementType.Float }]);

    public ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default) =>
        new(new Prediction(PredictionState.Rent()));

    public object? GetService(Type serviceType, object? serviceKey = null) => serviceType.IsInstanceOfType(this) ? this : null;

    public void Dispose()
    {
    }

    public ValueTask DisposeAsync() => default;
}
