namespace MlServe;

/// <summary>A model could not be loaded.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Exception">Why: a <see cref="ModelLoadException"/>, or one of the options. Its message may name paths.</param>
/// <param name="At">When, by the host's clock.</param>
public sealed record ModelLoadFailed(string Model, Exception Exception, DateTimeOffset At) : ModelEvent(Model, null, At);
