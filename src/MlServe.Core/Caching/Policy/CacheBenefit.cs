using MlServe.Statistics;

namespace MlServe.Caching;

/// <summary>
/// Whether the cache pays. Its hits save the mean run, for each request that needs none. All requests pay for it (key, look-up, keeping the
/// answer). Both are measured; the verdict falls once in a window of look-ups. A cache that is switched off is tried again after a pause,
/// which doubles with each failed trial. Safe for concurrent use; counts may miss a few under contention.
/// </summary>
internal sealed class CacheBenefit(TimeProvider time, bool mayStop)
{
    /// <summary>Look-ups before a verdict: enough for a cache to have met its keys again.</summary>
    internal const int Window = 16_384;

    /// <summary>Look-ups of which one is timed.</summary>
    internal const int SampleEvery = 32;

    /// <summary>
    /// The share of the cost that must be saved to stay on. After a trial more must be saved to be called useful again, so that the cache
    /// does not flutter.
    /// </summary>
    private const double StayAbove = 1;
    private const double ReturnAbove = 1.5;
    private const double Smoothing = 1.0 / 64;

    /// <summary>A sample counts for no more than so many times the mean: one that was interrupted says nothing about the code.</summary>
    private const int LargestSample = 8;

    /// <summary>Windows in a row in which a cache does not pay before it is switched off; one ends a trial.</summary>
    private const int Patience = 2;

    private const int LookUps = 0;
    private const int ServedRequests = 1;

    internal static readonly TimeSpan FirstPause = TimeSpan.FromMinutes(1);
    internal static readonly TimeSpan LongestPause = TimeSpan.FromHours(1);

    private readonly Lock _gate = new();
    private double _lookUp;
    private double _keep;
    private double _run;
    private readonly StripedCounters _counts = new(2);
    private long _lookUpsJudged;
    private long _servedJudged;
    private long _resumeAt;
    private TimeSpan _pause = FirstPause;
    private bool _isTrial;
    private int _poorWindows;
    private volatile bool _isOn = true;

    public bool IsOn => _isOn;

    /// <summary>The mean time of a run, in timestamp units.</summary>
    public double Run => Volatile.Read(ref _run);

    /// <summary>The mean time of a look-up, in timestamp units.</summary>
    public double LookUp => Volatile.Read(ref _lookUp);

    /// <summary>Counts a look-up; true if it is to be timed.</summary>
    public bool Begin() => (_counts.Count(LookUps) & (SampleEvery - 1)) == 0;

    /// <summary>A request needed no run.</summary>
    public void Served() => _counts.Count(ServedRequests);

    public void LookUpTook(long ticks) => Blend(ref _lookUp, ticks);

    public void KeepTook(long ticks) => Blend(ref _keep, ticks);

    public void RunTook(long ticks) => Blend(ref _run, ticks);

    /// <summary>The verdict, if a window is full; null if nothing changes.</summary>
    public CacheVerdict? Judge()
    {
        if (!mayStop || _counts[LookUps] - Volatile.Read(ref _lookUpsJudged) < Window || !_gate.TryEnter()) return null;
        try
        {
            var (lookUps, served) = (_counts[LookUps] - _lookUpsJudged, _counts[ServedRequests] - _servedJudged);
            if (lookUps < Window) return null;
            BeginWindow();
            var rate = Math.Min(1, (double)served / lookUps);
            var saved = rate * Run;
            var cost = LookUp + ((1 - rate) * Volatile.Read(ref _keep));
            var verdict = new CacheVerdict(saved > cost * (_isTrial ? ReturnAbove : StayAbove), rate, ToTime(saved), ToTime(cost), _pause);
            if (verdict.Pays)
            {
                _pause = FirstPause;
                _poorWindows = 0;
                var wasTrial = _isTrial;
                _isTrial = false;
                return wasTrial ? verdict : null;
            }

            if (!_isTrial && ++_poorWindows < Patience) return null;
            _poorWindows = 0;
            _resumeAt = time.GetTimestamp() + (long)(_pause.TotalSeconds * time.TimestampFrequency);
            _pause = _pause * 2 < LongestPause ? _pause * 2 : LongestPause;
            _isOn = false;
            return verdict;
        }
        finally
        {
            _gate.Exit();
        }
    }

    /// <summary>Whether the pause of a cache that is off is over, so that it is on again, for a trial.</summary>
    public bool TryResume()
    {
        if (time.GetTimestamp() < Volatile.Read(ref _resumeAt)) return false;
        lock (_gate)
        {
            if (_isOn) return true;
            BeginWindow();
            _isTrial = true;
            _isOn = true;
            return true;
        }
    }

    private void BeginWindow()
    {
        Volatile.Write(ref _lookUpsJudged, _counts[LookUps]);
        _servedJudged = _counts[ServedRequests];
    }

    private TimeSpan ToTime(double ticks) => TimeSpan.FromSeconds(ticks / time.TimestampFrequency);

    // A lost update is a lost sample. The first samples, of code that is being compiled, would count for long: a later one that is far
    // below the mean pulls it down at once.
    private static void Blend(ref double mean, long ticks)
    {
        var sample = Math.Max(1, ticks);
        var known = Math.Min(Volatile.Read(ref mean), (double)sample * LargestSample);
        Volatile.Write(ref mean, known == 0 ? sample : known + ((Math.Min(sample, known * LargestSample) - known) * Smoothing));
    }
}
