using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting;

/// <summary>Tells models that were quantized already.</summary>
internal static class QuantizedOperators
{
    private static readonly HashSet<string> Names = new(StringComparer.Ordinal)
    {
        "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger", "QLinearMatMul", "QLinearConv", "MatMulNBits", "MatMulBnb4", "QGemm",
        "QAttention", "QOrderedMatMul", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM", "MatMulIntegerToFloat", "MatMulInteger16", "GatherBlockQuantized", "QMoE",
        "QEmbedLayerNormalization", "QLinearAdd", "QLinearMul", "QLinearSigmoid", "QLinearConcat",
    };

    public static void RequireNone(ModelProto model)
    {
        var node = Graphs.Of(model).SelectMany(static graph => graph.Node).FirstOrDefault(static node => Names.Contains(node.OpType));
        if (node is not null)
        {
            throw new QuantizationException(QuantizationFailure.AlreadyQuantized,
                $"The model is quantized already: '{Nodes.NameOf(node)}' is a {node.OpType}. Quantize the FP32 model that it was made of.");
        }

        if (ModelMetadata.Find(model, ModelMetadata.Method) is { } method and not nameof(QuantizationMethod.None))
        {
            throw new QuantizationException(QuantizationFailure.AlreadyQuantized,
                $"The model was written by MlServe with the method {method}. Quantize the FP32 model that it was made of.");
        }
    }
}
