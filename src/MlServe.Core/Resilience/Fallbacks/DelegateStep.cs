namespace MlServe.Resilience;

/// <summary>Code of the application.</summary>
internal sealed class DelegateStep(Func<PredictionInputs, PredictionOptions?, CancellationToken, ValueTask<Prediction>> answer)
    : FallbackStep
{
    internal override string Tag => "delegate";

    internal override bool MayOverrun => true;

    internal override ValueTask<Prediction> AnswerAsync(
        FallbackChain owner, PredictionInputs inputs, PredictionOptions? options, CancellationToken cancellationToken) =>
        answer(inputs, options, cancellationToken);
}
