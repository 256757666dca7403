using System.Diagnostics;

namespace MlServe.Threading;

/// <summary>
/// A timer of <see cref="DeadlineThread"/>, made to be set and stopped for each of many requests that end long before it is due. That takes
/// no lock, and the thread wakes once for all of them. Fires once each time it is set. Safe for concurrent use.
/// </summary>
internal sealed class DeadlineTimer(TimerCallback callback, object? state) : ITimer
{
    internal const long Never = long.MaxValue;

    private long _due = Never;
    private long _wakeAt = Never;

    /// <summary>When it is to fire, a timestamp of the system's clock.</summary>
    internal long Due => Volatile.Read(ref _due);

    /// <summary>When the thread looks at it; written by <see cref="DeadlineThread"/> alone, under its lock.</summary>
    internal long WakeAt
    {
        get => Volatile.Read(ref _wakeAt);
        set => Volatile.Write(ref _wakeAt, value);
    }

    /// <summary>Its place in the thread's heap; belongs to <see cref="DeadlineThread"/>.</summary>
    internal int Index { get; set; } = -1;

    /// <param name="dueTime">From now on; <see cref="Timeout.InfiniteTimeSpan"/>: never.</param>
    /// <param name="period">Always <see cref="Timeout.InfiniteTimeSpan"/>.</param>
    public bool Change(TimeSpan dueTime, TimeSpan period)
    {
        if (period != Timeout.InfiniteTimeSpan) throw new NotSupportedException("A deadline comes once.");
        if (dueTime == Timeout.InfiniteTimeSpan)
        {
            Volatile.Write(ref _due, Never);
            return true;
        }

        // A full fence: either the thread sees the new time, or this sees that the thread looks too late.
        var due = Timestamps.After(TimeProvider.System, Stopwatch.GetTimestamp(), dueTime);
        Interlocked.Exchange(ref _due, due);
        if (WakeAt > due) DeadlineThread.WakeEarlier(this);
        return true;
    }

    public void Dispose()
    {
        Volatile.Write(ref _due, Never);
        DeadlineThread.Forget(this);
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return default;
    }

    /// <summary>Claims one firing.</summary>
    internal bool TryFire(long due) => Interlocked.CompareExchange(ref _due, Never, due) == due;

    internal void Fire() => callback(state);
}
