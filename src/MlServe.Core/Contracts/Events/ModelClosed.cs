namespace MlServe;

/// <summary>A model was closed, and its memory given back.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Version">The version that was loaded; null: none was.</param>
/// <param name="At">When, by the host's clock.</param>
public sealed record ModelClosed(string Model, ModelIdentity? Version, DateTimeOffset At) : ModelEvent(Model, Version, At);
