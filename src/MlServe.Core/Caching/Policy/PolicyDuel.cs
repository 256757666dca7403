using MlServe.Statistics;

namespace MlServe.Caching;

/// <summary>
/// Finds out whether to keep everything (plain LRU) or only answers that are asked for often. Both are played through on a sample of the
/// keys, and the cache follows the one that has more hits. The manner is that of set dueling (M. Qureshi and others, "Adaptive Insertion
/// Policies for High Performance Caching", ISCA 2007). It begins with LRU and leaves it only for a lead as large as the cache. So requests
/// that suit LRU are served by exactly LRU. Not safe for concurrent use.
/// </summary>
internal sealed class PolicyDuel(long limit, FrequencySketch sketch)
{
    /// <summary>Keys that each side plays with at most: larger caches are judged by a sample of this size.</summary>
    private const int MaxKeys = 4096;
    private const int MinLead = 16;

    private readonly ShadowCache _recent = new(null);
    private readonly ShadowCache _frequent = new(sketch);
    private ulong _sampleMask;
    private long _limit = limit;
    private int _lead;

    /// <summary>Whether an answer should be kept only if it is asked for more often than those that would have to go.</summary>
    public bool PrefersFrequent { get; private set; }

    public void Access(ulong hash, long weight)
    {
        if ((Sample(hash) & _sampleMask) != 0) return;
        var recent = _recent.Access(hash, weight, _limit);
        var frequent = _frequent.Access(hash, weight, _limit);
        if (recent != frequent) Score(frequent ? 1 : -1);
        if (_recent.Count > MaxKeys || _frequent.Count > MaxKeys) HalveSample();
    }

    private void Score(int change)
    {
        var size = Math.Max(MinLead, _recent.Count);
        _lead = Math.Clamp(_lead + change, -2 * size, 2 * size);
        if (!PrefersFrequent && _lead >= size) PrefersFrequent = true;
        else if (PrefersFrequent && _lead < 0) PrefersFrequent = false;
    }

    private void HalveSample()
    {
        _sampleMask = (_sampleMask << 1) | 1;
        _limit = Math.Max(1, _limit / 2);
        _lead /= 2;
        _recent.Keep(hash => (Sample(hash) & _sampleMask) == 0);
        _frequent.Keep(hash => (Sample(hash) & _sampleMask) == 0);
    }

    // Other bits than those that choose the sketch's counters.
    private static ulong Sample(ulong hash) => (hash * 0xD6E8FEB86659FD93) >> 40;
}
