namespace MlServe;

/// <summary>A limit of time around what keeps deadlines: calls that have no deadline are given one.</summary>
internal sealed class LimitStage(CallLimit limit) : PredictionStage
{
    /// <summary>The state of a call that has its deadline from here.</summary>
    private static readonly object Limited = new();

    public override StageOutcome Before(ref StageCall call)
    {
        if (call.Deadline != long.MaxValue) return StageOutcome.Next;
        call.LimitTo(limit.Time!.Value);
        StateOf(ref call) = Limited;
        return StageOutcome.Next;
    }

    public override object? GetService(Type serviceType) =>
        serviceType == typeof(DefaultTimeout) ? limit.Default : base.GetService(serviceType);

    protected override void Leave(ref StageCall call)
    {
        ref var state = ref StateOf(ref call);
        if (state is null) return;
        call.Deadline = long.MaxValue;
        state = null;
    }
}
