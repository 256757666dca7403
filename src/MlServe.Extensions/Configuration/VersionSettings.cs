using MlServe.Resilience;

namespace MlServe.Configuration;

/// <summary>The settings that a version is loaded with.</summary>
/// <param name="Model">The name of the model.</param>
/// <param name="Options">The options, with the copy that was made when they were validated.</param>
/// <param name="Text">
/// The statements of configuration and code, without changes for this version alone, to see whether they have changed.
/// </param>
/// <param name="Steps">The steps that answer in the model's place.</param>
/// <param name="Snapshot">The statements of configuration about the model.</param>
internal sealed record VersionSettings(
    string Model, ModelOptions Options, Lazy<string> Text, IReadOnlyList<FallbackStep> Steps, string Snapshot)
{
    /// <summary>The options that nobody changes any more.</summary>
    public ModelOptions InForce => Options.Frozen ?? Options;

    /// <summary>The model's promise.</summary>
    public ServiceLevel ServiceLevel { get; } = (Options.Frozen ?? Options).ServiceLevel.ToServiceLevel();
}
