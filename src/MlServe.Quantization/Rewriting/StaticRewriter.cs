using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting;

internal static class StaticRewriter
{
    /// <summary>The values whose ranges a plan needs before it can be carried out, of a model that was preprocessed.</summary>
    public static IReadOnlyList<string> TensorsToCalibrate(ModelProto preprocessed, QuantizationPlan plan) => throw new NotImplementedException();

    public static RewriteResult Rewrite(ModelProto preprocessed, QuantizationPlan plan) => throw new NotImplementedException();
}
