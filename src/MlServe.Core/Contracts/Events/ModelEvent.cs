namespace MlServe;

/// <summary>Something that happened to a model of a host. Immutable.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Version">The version that it happened to; null if that is not known.</param>
/// <param name="At">When, by the host's clock.</param>
public abstract record ModelEvent(string Model, ModelIdentity? Version, DateTimeOffset At);
