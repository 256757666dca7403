namespace MlServe;

/// <summary>A version of a model could not be loaded beside the live one, which goes on answering.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Version">The version that goes on answering.</param>
/// <param name="Exception">Why: a <see cref="ModelLoadException"/>, or one of the options. Its message may name paths.</param>
/// <param name="At">When, by the host's clock.</param>
public sealed record ModelReloadFailed(string Model, ModelIdentity? Version, Exception Exception, DateTimeOffset At)
    : ModelEvent(Model, Version, At);
