namespace MlServe;

/// <summary>A version that is no longer needed was closed, and its memory given back; the model goes on answering.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Version">The version that was closed.</param>
/// <param name="At">When, by the host's clock.</param>
public sealed record ModelVersionClosed(string Model, ModelIdentity? Version, DateTimeOffset At) : ModelEvent(Model, Version, At);
