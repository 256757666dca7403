namespace MlServe.Batching;

/// <summary>
/// The lengths to fill up to, learnt from the requests that come and the runs that they ride in. Another thread chooses them anew
/// every so many requests, and callers read the last choice. The time of runs with and without decides whether they are filled up at all.
/// </summary>
/// <param name="maxBatch">The most rows of a batch.</param>
/// <param name="firstLook">The requests after which lengths are chosen first; twice as many each time, up to 4,096.</param>
internal sealed class LearntLengths(int maxBatch, int firstLook = LearntLengths.FirstLook) : IThreadPoolWorkItem
{
    public const int FirstLook = 256;
    private const int LastInterval = 4096;

    private readonly int[] _counts = new int[LengthBins.Count];
    private readonly double[] _shares = new double[LengthBins.Count];
    private readonly LengthCost _cost = new();
    private readonly FillDuel _duel = new();
    private readonly Lock _gate = new();
    private volatile int[] _buckets = [];
    private int[] _division = [];
    private int _seen;
    private int _interval = firstLook;
    private bool _isSettled;
    private long _inFlight;
    private long _ticks;
    private long _elements;
    private int _answers;

    /// <summary>Lengths that are filled up to, ascending; empty: none are.</summary>
    public IReadOnlyList<int> Buckets => _buckets;

    /// <summary>The length to fill up to; the length itself if it is best left alone.</summary>
    /// <param name="length">The length of a request.</param>
    /// <param name="inFlight">Requests that are not answered, without this one.</param>
    public long For(long length, int inFlight)
    {
        if (length is < 1 or > LengthBins.MaxLength) return length;

        // Counted without a lock: that a few are lost among thousands changes nothing.
        _counts[LengthBins.Of((int)length)]++;
        Interlocked.Add(ref _inFlight, inFlight + 1);
        if (Interlocked.Increment(ref _seen) == Volatile.Read(ref _interval)) ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);

        // Alone it has nobody to share a run with.
        if (inFlight == 0) return length;
        foreach (var bucket in _buckets)
        {
            if (bucket >= length) return bucket;
        }

        return length;
    }

    /// <summary>Learns from an answer what its run took.</summary>
    /// <param name="origin">The run.</param>
    /// <param name="length">The length that the request came with.</param>
    /// <param name="filled">The length that it ran with.</param>
    public void Learn(in PredictionOrigin origin, long length, long filled)
    {
        // Runs whose time is not known would count as elements that took none.
        if (origin is not { Source: PredictionSource.Model, BatchRows: > 0 and var rows, RunTime.Ticks: > 0 }) return;
        _cost.Add(rows, filled, origin.RunTime.TotalSeconds, 1.0 / rows);
        Interlocked.Add(ref _ticks, origin.RunTime.Ticks / rows);
        Interlocked.Add(ref _elements, length);
        Interlocked.Increment(ref _answers);
    }

    /// <summary>Chooses anew. Requests since the last time count whole, and older ones half each time.</summary>
    public void Choose()
    {
        lock (_gate)
        {
            for (var bin = 0; bin < _counts.Length; bin++)
                _shares[bin] = (_shares[bin] < 1 ? 0 : _shares[bin] / 2) + Interlocked.Exchange(ref _counts[bin], 0);
            var inFlight = Interlocked.Exchange(ref _inFlight, 0);
            var seen = Interlocked.Exchange(ref _seen, 0);
            var (ticks, elements) = (Interlocked.Exchange(ref _ticks, 0), Interlocked.Exchange(ref _elements, 0));
            var answers = Interlocked.Exchange(ref _answers, 0);
            if (seen > 0 && _cost.Fit() is { } line)
                _division = LengthBuckets.Choose(_shares, line, (double)inFlight / seen, maxBatch, _division);

            // At first batches are still being measured, and runs say nothing of what they will take.
            var fills = _isSettled && elements > 0 && answers > 0
                && _duel.Next(wasFilled: _buckets.Length > 0, (double)ticks / elements, (double)elements / answers);
            _buckets = fills ? _division : [];
            _isSettled = true;
            if (_interval < LastInterval) Volatile.Write(ref _interval, Math.Min(LastInterval, 2 * _interval));
        }
    }

    void IThreadPoolWorkItem.Execute() => Choose();
}
