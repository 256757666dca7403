namespace MlServe.Threading;

/// <summary>
/// A wait that ends in time also if the thread pool is blocked. The waiting code goes on on the pool, or on a helper thread.
/// </summary>
#pragma warning disable CA1001 // What it holds goes when it ends, which it does.
internal sealed class UrgentDelay : UrgentWork, IDeadlineOwner
#pragma warning restore CA1001
{
    private const int Early = 1;
    private const int InTime = 2;

    private readonly TaskCompletionSource<bool> _ended = new();
    private readonly DeadlineAlarm _alarm;
    private int _end;

    public UrgentDelay(TimeSpan delay, TimeProvider time)
    {
        _alarm = new(this);
        _alarm.Start(time, time.After(delay));
    }

    /// <summary>Ends with whether the whole time is over.</summary>
    public Task<bool> Ended => _ended.Task;

    /// <summary>Waits.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async Task WaitAsync(TimeSpan delay, TimeProvider time, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (delay <= TimeSpan.Zero) return;
        var wait = new UrgentDelay(delay, time);
        using (cancellationToken.UnsafeRegister(static wait => ((UrgentDelay)wait!).End(), wait))
            await UrgentEnd.Of(wait.Ended);
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Waits for a task, for a time at most; says whether it has ended, in whichever way.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async Task<bool> WaitForAsync(Task task, TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        if (task.IsCompleted) return true;
        var wait = new UrgentDelay(limit, time);
        using (cancellationToken.UnsafeRegister(static wait => ((UrgentDelay)wait!).End(), wait))
            await UrgentEnd.Of(Task.WhenAny(task, wait.Ended));
        wait.TryStop(Early);
        if (!task.IsCompleted) cancellationToken.ThrowIfCancellationRequested();
        return task.IsCompleted;
    }

    /// <summary>Ends the wait early. The waiting code goes on within the call.</summary>
    public void EndHere()
    {
        if (TryStop(Early)) _ended.TrySetResult(false);
    }

    /// <summary>Ends the wait early. The waiting code goes on elsewhere.</summary>
    public void End()
    {
        if (TryStop(Early)) Queue(HelperThreads.ForAnswers);
    }

    protected override void Execute(UrgentPlace place) => _ended.TrySetResult(Volatile.Read(ref _end) == InTime);

    void IDeadlineOwner.Expire(int turn)
    {
        if (TryStop(InTime)) Queue(HelperThreads.ForAnswers);
    }

    private bool TryStop(int end)
    {
        if (Interlocked.CompareExchange(ref _end, end, 0) != 0) return false;
        _alarm.Dispose();
        return true;
    }
}
