using MlServe.Threading;

namespace MlServe.Batching;

/// <summary>Wakes a runner when the time of a batch that is held back has come.</summary>
internal sealed class DelayTimer(BatchQueues queues, TimeProvider time, TimerCallback wake) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly ITimer _timer = time.CreateDeadlineTimer(wake, null);
    private int _parking;

    /// <summary>Whether a runner that goes to rest is still to set the timer.</summary>
    public bool IsParking => Volatile.Read(ref _parking) > 0;

    public void BeginParking() => Interlocked.Increment(ref _parking);

    public void EndParking() => Interlocked.Decrement(ref _parking);

    /// <summary>Whether a batch may go; if one is held back, it is looked at again when its time comes.</summary>
    public bool IsDue()
    {
        // Two at a time would leave the timer to the last of them, not to the one that knows best.
        lock (_gate)
        {
            var due = queues.NextDue;
            if (due == long.MaxValue) return false;
            var now = time.GetTimestamp();
            if (due <= now) return true;
            _timer.Change(
                TimeSpan.FromMilliseconds(Math.Ceiling(time.GetElapsedTime(now, due).TotalMilliseconds)), Timeout.InfiniteTimeSpan);
            return false;
        }
    }

    public void Dispose() => _timer.Dispose();
}
