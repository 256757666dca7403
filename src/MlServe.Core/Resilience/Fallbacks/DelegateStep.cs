namespace MlServe.Resilience;

/// <summary>Code of the application.</summary>
internal sealed class DelegateStep(Func<PredictionInputs, PredictionOptions?, CancellationToken, ValueTask<Prediction>> answer)
    : FallbackStep
{
    public override string Tag => "delegate";

    public override bool MayOverrun => true;

    public override ValueTask<Prediction> AnswerAsync(
        FallbackChain owner, PredictionInputs inputs, PredictionOptions? options, CancellationToken cancellationToken) =>
        answer(inputs, options, cancellationToken);
}
