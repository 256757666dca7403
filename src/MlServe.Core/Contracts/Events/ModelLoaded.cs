namespace MlServe;

/// <summary>A model was loaded and warmed up, and answers.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Version">The version that was loaded.</param>
/// <param name="At">When, by the host's clock.</param>
public sealed record ModelLoaded(string Model, ModelIdentity? Version, DateTimeOffset At) : ModelEvent(Model, Version, At);
