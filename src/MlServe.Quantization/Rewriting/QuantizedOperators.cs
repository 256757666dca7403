using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting;

/// <summary>Knows the operators that a quantizer writes.</summary>
internal static class QuantizedOperators
{
    private static readonly HashSet<string> Standard = new(StringComparer.Ordinal)
    {
        "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger", "QLinearConv", "QLinearMatMul",
    };

    private static readonly HashSet<string> Contributed = new(StringComparer.Ordinal)
    {
        "QuantizeLinear", "DequantizeLinear", "QGemm", "QAttention", "QEmbedLayerNormalization", "QMoE", "MatMulInteger16",
        "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM", "MatMulNBits", "MatMulBnb4", "MatMulFpQ4",
        "GatherBlockQuantized", "QuickQuantizeLinear", "QuantizeBFP", "DequantizeBFP",
    };

    /// <summary>Refuses a model that was quantized already.</summary>
    public static void RequireNone(ModelProto model)
    {
        if (Graphs.Of(model).SelectMany(static graph => graph.Node).FirstOrDefault(IsQuantized) is { } found)
        {
            throw new QuantizationException(QuantizationFailure.AlreadyQuantized,
                $"The model is quantized already: '{Nodes.NameOf(found)}' is a {found.OpType}. "
                    + "Quantize the FP32 model that it was made from.");
        }

        if (MetadataProperties.Find(model, MetadataProperties.Method) is { } method and not nameof(QuantizationMethod.None))
        {
            throw new QuantizationException(QuantizationFailure.AlreadyQuantized,
                $"The model was written by MlServe with the method {method}. Quantize the FP32 model that it was made from.");
        }
    }

    public static bool IsQuantized(NodeProto node) =>
        Nodes.IsStandard(node)
            ? Standard.Contains(node.OpType)
            : node.Domain == Nodes.Microsoft && (Contributed.Contains(node.OpType)
                || node.OpType.StartsWith("QLinear", StringComparison.Ordinal)
                || node.OpType.StartsWith("QOrdered", StringComparison.Ordinal));
}
