namespace MlServe.Resilience;

/// <summary>An earlier answer of the model itself, however old.</summary>
internal sealed class StaleAnswerStep : FallbackStep
{
    internal override string Tag => "stale_answer";

    public override bool NeedsStaleAnswers => true;

    internal override bool IsInstant => true;

    internal override ValueTask<Prediction> AnswerAsync(
        FallbackChain owner, PredictionInputs inputs, PredictionOptions? options, CancellationToken cancellationToken)
    {
        if (owner.StaleAnswers is not { } answers)
        {
            return new(Prediction.FromError(new(PredictionStatus.Failed, PredictionErrorCode.None,
                "Model '{0}' has no stale answers: it is not loaded, or has no cache. Call UseCache.", owner.Model)));
        }

        return new(answers.TryGetStaleAnswer(inputs, options, out var answer)
            ? answer
            : Prediction.FromError(new(
                PredictionStatus.Failed, PredictionErrorCode.None, "Model '{0}' has no earlier answer to an equal request.", owner.Model)));
    }
}
