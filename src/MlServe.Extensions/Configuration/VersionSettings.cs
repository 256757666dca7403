using MlServe.Resilience;

namespace MlServe.Configuration;

/// <summary>What a version is loaded with.</summary>
/// <param name="Model">The name of the model.</param>
/// <param name="Options">The options, with the copy that was made when they were validated.</param>
/// <param name="Text">All that configuration and code say, without what was said for this version alone, to see whether it has
/// changed.</param>
/// <param name="Steps">Who answers in the model's place.</param>
/// <param name="Snapshot">What configuration said of the model.</param>
internal sealed record VersionSettings(string Model, ModelOptions Options, string Text, IReadOnlyList<FallbackStep> Steps, string Snapshot)
{
    /// <summary>The options that nobody changes any more.</summary>
    public ModelOptions InForce => Options.Frozen ?? Options;

    /// <summary>What the model promises.</summary>
    public ServiceLevel ServiceLevel { get; } = (Options.Frozen ?? Options).ServiceLevel.ToServiceLevel();
}
