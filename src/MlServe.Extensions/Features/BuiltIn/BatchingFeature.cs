using MlServe.Batching;
using MlServe.Onnx.Inspection;

namespace MlServe.Features;

/// <summary>Requests that are run together, padded if the options say so.</summary>
internal sealed class BatchingFeature : BuiltInFeature<BatchingOptions>
{
    public BatchingFeature() => AddOptionsType<PaddingOptions>();

    public override string Key => nameof(ModelOptions.Batching);

    public override FeatureSlot Slot => FeatureSlot.Batching;

    public override IEnumerable<string> Validate(BatchingOptions options, ModelSignature? signature) => options.Validate();

    internal override IEnumerable<string> ValidateFile(object options, string model, OnnxModelInfo info) =>
        DeclaredNames.ProblemsOf(((BatchingOptions)options).Padding, info)
            .Select(static problem => $"{nameof(BatchingOptions.Padding)}:{problem}");

    public override void Apply(ModelFeatureContext context, BatchingOptions options) => context.Pipeline.UseBatching(options);
}
