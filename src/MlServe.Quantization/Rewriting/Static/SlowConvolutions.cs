using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting.Static;

/// <summary>
/// Knows the convolutions that are slower on integers by the shape of their weights. Measured with ONNX Runtime 1.31.1 on AVX512-VNNI, one
/// thread.
/// </summary>
internal static class SlowConvolutions
{
    /// <summary>The names of a model's convolutions that had better stay FP32.</summary>
    public static IEnumerable<string> In(ModelProto model)
    {
        var weights = new Dictionary<string, TensorProto>(StringComparer.Ordinal);
        foreach (var tensor in model.Graph.Initializer)
            weights[tensor.Name] = tensor;
        return model.Graph.Node
            .Where(node => node.Input.Count > 1 && weights.TryGetValue(node.Input[1], out var weight) && WhyOf(node, weight) is not null)
            .Select(Nodes.NameOf);
    }

    /// <summary>Why a convolution had better stay FP32; null if it may gain.</summary>
    public static string? WhyOf(NodeProto node, TensorProto weight)
    {
        if (!Nodes.Is(node, "Conv") || weight.Dims.Count < 3) return null;
        if (IsDepthwise(node, weight.Dims[1])) return "a convolution with a group for each channel is slower on integers";
        return IsNarrow(weight.Dims[1], weight.Dims[0]) ? "a convolution of so few channels is slower on integers" : null;
    }

    /// <summary>
    /// More is moved than multiplied. Leaving out those of a text recognizer made it faster, each of 14 by 0.1 to 0.4 of 5.4 ms. They are
    /// the ones whose rounding does most harm.
    /// </summary>
    private static bool IsDepthwise(NodeProto node, long inputs) => inputs == 1 && Nodes.Int(node, "group", 1) > 1;

    /// <summary>
    /// As the first of a small network: integers are multiplied by fours. With one to three channels in and 16 out, two convolutions behind
    /// each other were 5 to 35 % faster if the first stayed FP32. The kernel and the image made no difference. With 64 out it no longer
    /// paid, nor with four in.
    /// </summary>
    private static bool IsNarrow(long inputs, long outputs) => inputs < 4 && outputs < 32;
}
