namespace MlServe.Resilience;

/// <summary>Asks a chain of others where the model does not answer. Costs nothing beyond a look at the status while it does.</summary>
internal sealed class FallbackStage(FallbackChain chain) : PredictionStage, ISubstitutesAnswers
{
    /// <summary>The state of a call that the chain has had its turn with.</summary>
    private static readonly object Done = new();

    public FallbackChain Chain => chain;

    public override StageOutcome Before(ref StageCall call)
    {
        if (chain.Hedging is not { } other) return StageOutcome.Next;

        StateOf(ref call) = Done;
        return call.Wait(RelayedOperation<Prediction>.Of(
            chain.HedgedAsync(other, call.Inputs, call.Options, call.Until, call.CancellationToken)));
    }

    public override StageOutcome After(ref StageCall call)
    {
        ref var state = ref StateOf(ref call);
        if (state is not null)
        {
            state = null;
            return StageOutcome.Next;
        }

        if (call.Answer.IsOk || !chain.IsNeeded(in call.Answer))
        {
            chain.Counts.Ended();
            return StageOutcome.Next;
        }

        return call.Wait(RelayedOperation<Prediction>.Of(
            chain.FallBackAsync(call.Answer.Error, call.Inputs, call.Options, call.Until, call.CancellationToken)));
    }

    public override object? GetService(Type serviceType) =>
        serviceType == typeof(FallbackStatistics) ? chain.Counts : base.GetService(serviceType);
}
