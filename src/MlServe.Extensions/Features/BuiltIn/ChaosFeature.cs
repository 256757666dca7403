using MlServe.Resilience;

namespace MlServe.Features;

/// <summary>Faults that are injected, if configuration enables them.</summary>
internal sealed class ChaosFeature : BuiltInFeature<ChaosOptions>
{
    public override string Key => nameof(ModelOptions.Chaos);

    /// <summary>Its own option <see cref="ChaosOptions.Enabled"/> is the switch.</summary>
    public override string? Switch => null;

    internal override string? OwnSwitch => nameof(ChaosOptions.Enabled);

    public override FeatureSlot Slot => FeatureSlot.Chaos;

    public override IEnumerable<string> Validate(ChaosOptions options, ModelSignature? signature) => options.Validate();

    public override void Apply(ModelFeatureContext context, ChaosOptions options) => context.Pipeline.UseChaos(options);

    internal override bool IsUsed(ModelOptions options) => options.Chaos.Enabled;
}
