namespace MlServe.Statistics;

/// <summary>
/// Counts runs, and how many of them failed, in the time that has just passed. That time is cut into ten buckets, and the oldest goes as a
/// whole. So the counted runs are between nine and ten tenths of it old at most. The time is measured by timestamps, so that setting the
/// system's clock changes nothing. Safe for concurrent use; allocates nothing.
/// </summary>
internal sealed class SlidingWindow
{
    private const int Buckets = 10;

    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly long _width;
    private readonly long _start;
    private readonly (long Runs, long Failures)[] _buckets = new (long, long)[Buckets];
    private (long Runs, long Failures) _sum;
    private long _newest;

    /// <param name="duration">The time that is looked back upon.</param>
    /// <param name="time">The clock.</param>
    public SlidingWindow(TimeSpan duration, TimeProvider time)
    {
        _time = time;
        _width = Math.Max(1, (long)(duration.TotalSeconds * time.TimestampFrequency) / Buckets);
        _start = time.GetTimestamp();
    }

    /// <summary>Counts a run.</summary>
    /// <param name="isFailure">Whether it failed.</param>
    /// <returns>The runs in the window, this one among them, and how many of them failed.</returns>
    public (long Runs, long Failures) Count(bool isFailure)
    {
        lock (_gate)
        {
            DropOld();
            var failure = isFailure ? 1 : 0;
            ref var bucket = ref _buckets[_newest % Buckets];
            bucket = (bucket.Runs + 1, bucket.Failures + failure);
            return _sum = (_sum.Runs + 1, _sum.Failures + failure);
        }
    }

    /// <summary>Forgets the counted runs.</summary>
    public void Reset()
    {
        lock (_gate)
        {
            _buckets.AsSpan().Clear();
            _sum = default;
        }
    }

    private void DropOld()
    {
        // A clock that steps back by a little, from one core to another, counts in the newest bucket.
        var current = (_time.GetTimestamp() - _start) / _width;
        if (current <= _newest) return;
        for (var next = Math.Max(_newest + 1, current - Buckets + 1); next <= current; next++)
        {
            ref var oldest = ref _buckets[next % Buckets];
            _sum = (_sum.Runs - oldest.Runs, _sum.Failures - oldest.Failures);
            oldest = default;
        }

        _newest = current;
    }
}
