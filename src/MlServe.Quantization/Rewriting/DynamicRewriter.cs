using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting;

internal static class DynamicRewriter
{
    public static RewriteResult Rewrite(ModelProto preprocessed, QuantizationPlan plan) => throw new NotImplementedException();
}
