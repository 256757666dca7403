using MlServe.Guests;
using MlServe.Threading;

namespace MlServe;

/// <summary>Cuts off a run on its caller's thread when the caller's time is over, or its token is cancelled. Pooled.</summary>
#pragma warning disable CA1001 // Pooled: what it holds goes where the pool does not take it back.
internal sealed class RunWatch : IDeadlineOwner
#pragma warning restore CA1001
{
    private readonly DeadlineAlarm _alarm;
    private CancellationTokenSource _source = new();
    private CancellationTokenRegistration _registration;

    public RunWatch() => _alarm = new(this);

    /// <summary>Ends the run.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Whether the caller's time has ended the run.</summary>
    public bool IsExpired => _alarm.IsExpired;

    public static RunWatch Begin(TimeProvider time, long deadline, CancellationToken callersToken)
    {
        var watch = Pool<RunWatch>.Rent();
        if (callersToken.CanBeCanceled)
            watch._registration = callersToken.UnsafeRegister(static watch => ((RunWatch)watch!)._source.CancelQuietly(), watch);
        watch._alarm.Start(time, deadline);
        return watch;
    }

    public void End()
    {
        // Waits for a callback under way.
        _registration.Dispose();
        _registration = default;

        // Where its time is over, the timer's thread may only be about to cancel it: it serves nobody else.
        var isOver = _alarm.Stop();
        if (!isOver && _source.IsCancellationRequested) _source = new();
        if (isOver || !Pool<RunWatch>.Return(this)) _alarm.Dispose();
    }

    void IDeadlineOwner.Expire(int turn) => UrgentCancel.Cancel(_source);
}
