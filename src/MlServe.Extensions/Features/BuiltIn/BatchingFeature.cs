using MlServe.Batching;

namespace MlServe.Features;

/// <summary>Requests that are run together, padded if the options say so.</summary>
internal sealed class BatchingFeature : BuiltInFeature<BatchingOptions>
{
    public BatchingFeature() => AddOptionsType<PaddingOptions>();

    public override string Key => nameof(ModelOptions.Batching);

    public override FeatureSlot Slot => FeatureSlot.Batching;

    public override IEnumerable<string> Validate(BatchingOptions options, ModelSignature? signature) => options.Validate();

    public override void Apply(ModelFeatureContext context, BatchingOptions options) => context.Pipeline.UseBatching(options);
}
