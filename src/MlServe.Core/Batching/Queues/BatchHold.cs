using MlServe.Threading;

namespace MlServe.Batching;

/// <summary>Holds batches back while a lane is idle, where <see cref="BatchingOptions.MaxQueueDelay"/> says so, and wakes a runner when their time has come.</summary>
internal sealed class BatchHold : IDisposable
{
    /// <summary>How late a timer may be.</summary>
    private const double TimerSeconds = 1e-3;

    /// <summary>Waiting pays only where at least this share of a run is a cost that more rows would share.</summary>
    private const double WorthwhileShare = 0.1;

    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly long _delay;
    private readonly LatencyBudget _budget;
    private int _parking;

    public BatchHold(TimeSpan delay, LatencyBudget budget, TimeProvider time, TimerCallback wake)
    {
        _budget = budget;
        _time = time;
        _delay = TicksOf(delay.TotalSeconds);
        _timer = time.CreateDeadlineTimer(wake, null);
    }

    /// <summary>Whether a runner that goes to rest is still to set the timer.</summary>
    public bool IsParking => Volatile.Read(ref _parking) > 0;

    /// <summary>Until when an open batch is held back, and why it will be closed then; 0 where waiting does not pay.</summary>
    public long Until(CostCurve curve, Batch batch, ref CloseReason reason)
    {
        var rows = batch.Rows;
        if (curve.IsKnown && curve.Fixed < WorthwhileShare * curve.Predict(rows)) return 0;
        reason = CloseReason.Delay;
        var until = batch.OpenedAt + Math.Min(_delay, TicksOf(Math.Max(0, _budget.PromisedSeconds - (2 * curve.Predict(rows)) - TimerSeconds)));
        var deadline = batch.EarliestDeadline;
        if (deadline == long.MaxValue) return until;

        // Runs vary, and timers are coarse.
        var latest = deadline - TicksOf((2 * curve.Predict(rows)) + TimerSeconds);
        if (latest >= until) return until;
        reason = CloseReason.Deadline;
        return latest;
    }

    public void BeginParking() => Interlocked.Increment(ref _parking);

    public void EndParking() => Interlocked.Decrement(ref _parking);

    /// <summary>Whether a batch may go; where one is held back, it is looked at again when its time comes.</summary>
    public bool IsDue(BatchQueues queues)
    {
        // Two at a time would leave the timer to whoever was last, not to whoever knows best.
        lock (_gate)
        {
            var due = queues.NextDue;
            if (due == long.MaxValue) return false;
            var now = _time.GetTimestamp();
            if (due <= now) return true;
            _timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(_time.GetElapsedTime(now, due).TotalMilliseconds)), Timeout.InfiniteTimeSpan);
            return false;
        }
    }

    public void Dispose() => _timer.Dispose();

    private long TicksOf(double seconds) => (long)Math.Min(seconds * _time.TimestampFrequency, long.MaxValue / 4);
}
