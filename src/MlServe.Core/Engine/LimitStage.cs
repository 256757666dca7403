namespace MlServe;

/// <summary>A limit of time around what keeps deadlines: it is told the time.</summary>
internal sealed class LimitStage(CallLimit limit) : PredictionStage
{
    public override StageOutcome Before(ref StageCall call)
    {
        StateOf(ref call) = call.Options;
        call.Options = limit.Of(call.Options);
        return StageOutcome.Next;
    }

    public override object? GetService(Type serviceType) =>
        serviceType == typeof(DefaultTimeout) ? limit.Default : base.GetService(serviceType);

    protected override void Leave(ref StageCall call)
    {
        ref var state = ref StateOf(ref call);
        call.Options = (PredictionOptions?)state;
        state = null;
    }
}
