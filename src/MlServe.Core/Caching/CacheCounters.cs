using MlServe.Statistics;

namespace MlServe.Caching;

/// <summary>The numbers of a cache's counters, one for each thing that it counts.</summary>
internal static class CacheCounters
{
    public const int Hits = 0;
    public const int Misses = 1;
    public const int Coalesced = 2;
    public const int SecondLevelHits = 3;
    public const int SecondLevelFailures = 4;
    public const int Bypassed = 5;
    public const int Collisions = 6;
    public const int StaleHits = 7;

    /// <summary>Counters of a cache that has counted nothing.</summary>
    public static StripedCounters Create() => new(StaleHits + 1);
}
