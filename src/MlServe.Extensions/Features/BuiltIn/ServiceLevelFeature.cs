namespace MlServe.Features;

/// <summary>The model's promise: layers find it among their services.</summary>
internal sealed class ServiceLevelFeature : BuiltInFeature<ServiceLevelOptions>
{
    public override string Key => nameof(ModelOptions.ServiceLevel);

    public override string? Switch => null;

    public override FeatureSlot Slot => FeatureSlot.Source;

    public override IEnumerable<string> Validate(ServiceLevelOptions options, ModelSignature? signature) =>
        options.ToServiceLevel().Validate() is { } problem ? [problem] : [];

    public override void Apply(ModelFeatureContext context, ServiceLevelOptions options)
    {
        // Nothing to add: the context has it.
    }
}
