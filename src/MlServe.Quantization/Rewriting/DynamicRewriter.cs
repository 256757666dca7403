using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting.Dynamic;

namespace MlServe.Quantization.Rewriting;

/// <summary>
/// Writes matrix products and LSTMs with integers whose scales for activations are found in each run. ONNX Runtime fuses these operators to
/// DynamicQuantizeMatMul and MatMulIntegerToFloat.
/// </summary>
internal static class DynamicRewriter
{
    /// <summary>The first operator set with DynamicQuantizeLinear.</summary>
    private const long MinOpset = 11;

    public static RewriteResult Rewrite(ModelProto preprocessed, QuantizationPlan plan)
    {
        var rewrite = new ModelRewrite(preprocessed, plan, MinOpset);
        var products = new DynamicProducts(rewrite, plan);
        var lstms = new DynamicLstms(rewrite, plan);
        rewrite.Walk((node, scope, nodes) =>
        {
            if (ReasonToLeave(node) is { } reason) rewrite.Left(node, reason);
            else if (rewrite.IsExcluded(node)) rewrite.Left(node, "it was excluded");
            else if (products.TryReplace(node, scope, nodes) || lstms.TryReplace(node, scope, nodes)) return;
            nodes.Add(node);
        });

        var result = rewrite.Finish();
        MetadataProperties.Set(result.Model, MetadataProperties.BatchDependent, "true");
        return result with { Decisions = Tables.Decide(result.Decisions, Tables.Rewrite(result.Model, plan)) };
    }

    private static string? ReasonToLeave(NodeProto node) => (Nodes.IsStandard(node), node.OpType) switch
    {
        (true, "Conv" or "ConvTranspose") => "dynamically quantized convolutions are slower than FP32",
        (true, "GRU" or "RNN") => "ONNX Runtime has no integer form of it",
        (false, "Attention" or "FusedMatMul" or "FusedGemm" or "MultiHeadAttention") when node.Domain == Nodes.Microsoft =>
            "a fused operator; export the model without fusions",
        _ => null,
    };
}
