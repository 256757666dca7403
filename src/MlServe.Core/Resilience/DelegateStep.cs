namespace MlServe.Resilience;

/// <summary>Code of the application.</summary>
internal sealed class DelegateStep(Func<PredictionInputs, PredictionOptions?, CancellationToken, ValueTask<Prediction>> answer) : FallbackStep
{
    public override string Tag => "delegate";

    public override async ValueTask<Prediction> AnswerAsync(
        FallbackPredictor owner, PredictionInputs inputs, PredictionOptions? options, CancellationToken cancellationToken)
    {
        try
        {
            return await answer(inputs, options, cancellationToken).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever it throws, the next in the chain is asked.
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            return Prediction.FromError(new(PredictionStatus.Failed, PredictionErrorCode.UserCodeFailed,
                "The function that stands in for model '{0}' threw: {1}", owner.Model, exception.Message)
            { Exception = exception });
        }
    }
}
