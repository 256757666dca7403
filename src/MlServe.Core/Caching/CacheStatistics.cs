namespace MlServe.Caching;

/// <summary>
/// The record of a cache's work since it was made; <c>predictor.GetService&lt;CacheStatistics&gt;()</c> reads it. Immutable.
/// </summary>
public sealed record CacheStatistics
{
    /// <summary>Requests answered with a kept answer.</summary>
    public long Hits { get; init; }

    /// <summary>Requests that the model was asked for.</summary>
    public long Misses { get; init; }

    /// <summary>Requests that waited for an equal one and were answered with its answer.</summary>
    public long Coalesced { get; init; }

    /// <summary>Requests answered from the <c>HybridCache</c>.</summary>
    public long SecondLevelHits { get; init; }

    /// <summary>Requests that went past the cache: it was off, or it could not tell what they ask.</summary>
    public long Bypassed { get; init; }

    /// <summary>Kept answers that had to go for others; of all versions of the model.</summary>
    public long Evictions { get; init; }

    /// <summary>Answers that were not kept: asked for too rarely, or too large; of all versions of the model.</summary>
    public long Rejections { get; init; }

    /// <summary>Answers that took the place of another request's of the same key, told apart by the second hash.</summary>
    public long Collisions { get; init; }

    /// <summary>Answers kept, of all versions of the model.</summary>
    public long Entries { get; init; }

    /// <summary>The bytes that they take.</summary>
    public long Bytes { get; init; }

    /// <summary>Whether the cache is in use; false if it has switched itself off.</summary>
    public bool IsOn { get; init; }

    /// <summary>Whether an answer is kept only if it is asked for more often than those that would have to go.</summary>
    public bool IsFrequencyAware { get; init; }

    /// <summary>The share of requests that did not need a run, of those that were looked up; 0 if there were none.</summary>
    public double HitRate =>
        Hits + Coalesced + SecondLevelHits is var served && served + Misses > 0 ? (double)served / (served + Misses) : 0;

    /// <summary>
    /// The time, by the mean run, that the requests answered without a run would have taken, less the time of the look-ups. Negative if the
    /// cache costs more.
    /// </summary>
    public TimeSpan TimeSaved { get; init; }
}
