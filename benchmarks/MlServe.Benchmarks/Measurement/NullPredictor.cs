namespace MlServe.Benchmarks.Measurement;

/// <summary>Answers at once and without a model: what stands around it is all that is left to measure.</summary>
internal sealed class NullPredictor(IPredictor inner) : DelegatingPredictor(inner)
{
    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default) =>
        new(PredictionWriter.Create().Complete());
}
