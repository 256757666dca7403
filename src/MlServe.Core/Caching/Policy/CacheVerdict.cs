namespace MlServe.Caching;

/// <summary>Whether a cache pays.</summary>
/// <param name="Pays">Whether it saves more than it costs.</param>
/// <param name="HitRate">The share of requests that needed no run.</param>
/// <param name="Saved">Time saved a request.</param>
/// <param name="Cost">Time that the cache takes a request.</param>
/// <param name="Pause">How long it stays off if it does not pay.</param>
internal sealed record CacheVerdict(bool Pays, double HitRate, TimeSpan Saved, TimeSpan Cost, TimeSpan Pause);
