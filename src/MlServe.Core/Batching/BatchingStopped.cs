namespace MlServe.Batching;

/// <summary>
/// Requests of several callers are no longer run together, because a row that was run again alone was answered differently.
/// </summary>
/// <param name="Model">The model's name.</param>
/// <param name="Version">The version whose rows depend on each other.</param>
/// <param name="Reason">The finding, for a person.</param>
/// <param name="At">When, by the host's clock.</param>
public sealed record BatchingStopped(string Model, ModelIdentity? Version, string Reason, DateTimeOffset At)
    : ModelEvent(Model, Version, At);
