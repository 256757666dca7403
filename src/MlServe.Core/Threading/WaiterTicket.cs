namespace MlServe.Threading;

/// <summary>One synchronous call, and the thread that waits for it; of nobody by default. Worth nothing once the call has ended.</summary>
internal readonly struct WaiterTicket(SyncWaiter? waiter, int call)
{
    public bool IsSomebody => waiter is not null;

    /// <summary>Whether no thread waits, or it is this one.</summary>
    public bool IsNobodyOrHere => waiter is null || waiter.IsOn(call);

    /// <summary>Lets the thread run a model, unless its answer is there.</summary>
    public bool TryRun(UrgentWork work) => waiter?.TryAdd(call, work, HelperThreads.ForRuns, isRun: true) == true;

    /// <summary>Lets the thread go on with its answer.</summary>
    public bool TryGoOn(UrgentWork work) => waiter?.TryAdd(call, work, HelperThreads.ForAnswers, isRun: false) == true;

    /// <summary>Says that the call has its answer.</summary>
    public void Answered() => waiter?.Answered(call);
}
