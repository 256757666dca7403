namespace MlServe.Hosting;

/// <summary>
/// Turns requests away while a model cannot answer, and sends the others to a version, which counts them until they have been answered.
/// </summary>
internal sealed class ReadinessStage(VersionSet versions) : PredictionStage
{
    /// <summary>One that lets all in, for a warm-up.</summary>
    public static ReadinessStage Opened(IPredictor inner)
    {
        var nobody = new PredictionError(PredictionStatus.NotReady, PredictionErrorCode.NotLoaded, "");
        return new(VersionSet.Of(new(inner, new("", new(), new(""), [], ""), default), nobody));
    }

    public override StageOutcome Before(ref StageCall call)
    {
        while (true)
        {
            if (versions.Enter() is { } version)
            {
                StateOf(ref call) = version;
                call.Target = version.Pipeline;
                return StageOutcome.Next;
            }

            // None: there has been a version since the look.
            if (versions.Refusal is not { } refusal) continue;
            call.Answer = Prediction.FromError(refusal);
            return StageOutcome.Answered;
        }
    }

    protected override void Leave(ref StageCall call)
    {
        ref var state = ref StateOf(ref call);
        ((ServedVersion?)state)?.Leave();
        state = null;
    }
}
