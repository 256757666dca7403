namespace MlServe.Caching;

/// <summary>A cache switched itself off because it did not pay, or on again.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Version">The version whose cache it is.</param>
/// <param name="IsOn">Whether it is on from then on.</param>
/// <param name="HitRate">The share of requests that found a kept answer, 0 to 1.</param>
/// <param name="At">When, by the host's clock.</param>
public sealed record CacheSwitched(string Model, ModelIdentity? Version, bool IsOn, double HitRate, DateTimeOffset At)
    : ModelEvent(Model, Version, At);
