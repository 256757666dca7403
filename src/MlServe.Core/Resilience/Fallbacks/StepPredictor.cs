namespace MlServe.Resilience;

/// <summary>One that stands in for a model, as a predictor.</summary>
internal sealed class StepPredictor(FallbackChain owner, FallbackStep step) : DelegatingPredictor(owner.Inner)
{
    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default) =>
        step.AnswerAsync(owner, inputs, options, cancellationToken);
}
