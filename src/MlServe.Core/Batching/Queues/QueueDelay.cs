namespace MlServe.Batching;

/// <summary>
/// How long batches are held back while a lane is idle. It pays only if <see cref="BatchingOptions.MaxQueueDelay"/> is set, and if more
/// rows share a cost.
/// </summary>
internal sealed class QueueDelay
{
    /// <summary>How late a timer may be.</summary>
    private const double TimerSeconds = 1e-3;

    /// <summary>Waiting pays only if at least this share of a run is a cost that more rows would share.</summary>
    private const double WorthwhileShare = 0.1;

    private readonly TimeProvider _time;
    private readonly long _delay;
    private readonly LatencyBudget _budget;
    private readonly InFlight _inFlight;

    public QueueDelay(TimeSpan delay, LatencyBudget budget, InFlight inFlight, TimeProvider time)
    {
        _budget = budget;
        _inFlight = inFlight;
        _time = time;
        IsOn = delay > TimeSpan.Zero;
        _delay = TicksOf(delay.TotalSeconds);
    }

    /// <summary>Whether any batch is ever held back.</summary>
    public bool IsOn { get; }

    /// <summary>Until when an open batch is held back, and why it will be closed then; 0 if it is not.</summary>
    public long Until(Batch batch, int limit, CostCurve curve, out CloseReason reason)
    {
        var rows = batch.Rows;
        reason = rows >= limit ? CloseReason.Full : _inFlight.IsDraining ? CloseReason.Drain : CloseReason.Idle;
        if (!IsOn || reason != CloseReason.Idle || (curve.IsKnown && curve.Fixed < WorthwhileShare * curve.Predict(rows))) return 0;
        reason = CloseReason.Delay;
        var until = batch.OpenedAt
            + Math.Min(_delay, TicksOf(Math.Max(0, _budget.PromisedSeconds - (2 * curve.Predict(rows)) - TimerSeconds)));
        var deadline = batch.EarliestDeadline;
        if (deadline == long.MaxValue) return until;

        // Runs vary, and timers are coarse.
        var latest = deadline - TicksOf((2 * curve.Predict(rows)) + TimerSeconds);
        if (latest >= until) return until;
        reason = CloseReason.Deadline;
        return latest;
    }

    private long TicksOf(double seconds) => (long)Math.Min(seconds * _time.TimestampFrequency, long.MaxValue / 4);
}
