using MlServe.Onnx;
using MlServe.Onnx.Inspection;

namespace MlServe.Features;

/// <summary>How the model is opened and run.</summary>
internal sealed class OnnxFeature : BuiltInFeature<OnnxModelOptions>
{
    public OnnxFeature()
    {
        AddOptionsType<OnnxInspectionLimits>();
        AddOptionsType<VerificationOptions>();
        AddOptionsType<ExecutionProviderOptions>();
    }

    public override string Key => nameof(ModelOptions.Onnx);

    public override string? Switch => null;

    public override FeatureSlot Slot => FeatureSlot.Source;

    public override IEnumerable<string> Validate(OnnxModelOptions options, ModelSignature? signature) => options.Validate();

    public override void Complete(OnnxModelOptions options, string contentRoot)
    {
        options.OptimizedModelCacheFolder = ContentPath.Absolute(options.OptimizedModelCacheFolder, contentRoot);
        options.SealKeyFile = ContentPath.Absolute(options.SealKeyFile, contentRoot);
        options.Verification.ToolPath = ContentPath.Absolute(options.Verification.ToolPath, contentRoot);
        options.Verification.VerdictFolder = ContentPath.Absolute(options.Verification.VerdictFolder, contentRoot);
        options.Verification.SealKeyFile = ContentPath.Absolute(options.Verification.SealKeyFile, contentRoot);
    }

    public override void Apply(ModelFeatureContext context, OnnxModelOptions options)
    {
        // Nothing to add: the loader opens the model with them.
    }

    internal override IEnumerable<string> ValidateFile(object options, string model, OnnxModelInfo info) =>
        DeclaredNames.ProblemsOf((OnnxModelOptions)options, info);
}
