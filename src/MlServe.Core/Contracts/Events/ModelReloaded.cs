namespace MlServe;

/// <summary>Another version of a model has taken the place of the one that answered before.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Version">The version that answers now.</param>
/// <param name="Former">The version that answered before.</param>
/// <param name="At">When, by the host's clock.</param>
public sealed record ModelReloaded(string Model, ModelIdentity? Version, ModelIdentity? Former, DateTimeOffset At)
    : ModelEvent(Model, Version, At);
