using MlServe.Tensors;

namespace MlServe.Benchmarks.Measurement;

/// <summary>Answers ten numbers at once, to measure what layers cost around it.</summary>
internal sealed class ConstantPredictor : IPredictor
{
    public ModelSignature Signature { get; } = new(
        [new() { Name = "x", Kind = ValueKind.Tensor, ElementType = ElementType.Float }],
        [new() { Name = "y", Kind = ValueKind.Tensor, ElementType = ElementType.Float }]);

    public ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        var writer = PredictionWriter.Create();
        writer.AddTensor<float>("y", 10).Fill(1);
        return new(writer.Complete());
    }

    public object? GetService(Type serviceType, object? serviceKey = null) => null;

    public void Dispose()
    {
    }

    public ValueTask DisposeAsync() => default;
}
