using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Rewriting.Static;

/// <summary>
/// Operators with weights that stay FP32 behind a rounded value. ONNX Runtime (1.31.1) rounds the weights of those whose input comes from a
/// DequantizeLinear with one scale, all with one scale again. It makes integer operators of some: its transformer WeightBiasQuantization
/// takes them for forgotten. A scale for each channel, all equal, keeps it off.
/// </summary>
internal static class FloatProducts
{
    /// <summary>
    /// How many channels the first input has and along which axis; null: no operator that the runtime would round, or but one channel.
    /// </summary>
    public static (int Count, int Axis)? ChannelsOf(NodeProto node, GraphIndex index)
    {
        if (!Nodes.IsStandard(node) || node.Input.Count < 2 || index.ConstantOf(node.Input[1]) is not { } weight
            || TensorData.TypeOf(weight) != DataType.Float)
            return null;
        var sizes = weight.Dims;
        if (sizes.Count < 2) return null;
        (long Count, int Axis) channels = node.OpType switch
        {
            "Conv" => (sizes[1] * Nodes.Int(node, "group", 1), 1),
            "ConvTranspose" => (sizes[0], 1),
            "Gemm" when Nodes.Int(node, "transA", 0) == 0 => (sizes[Nodes.Int(node, "transB", 0) == 0 ? 0 : 1], 1),

            // With an Add behind it, it becomes a Gemm.
            "MatMul" => (sizes[^2], -1),
            _ => default,
        };
        return channels.Count is > 1 and <= int.MaxValue ? ((int)channels.Count, channels.Axis) : null;
    }
}
