using System.Globalization;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Rewriting.Static;

/// <summary>Finds the operators of a graph that multiply with constant weights, and says of the others why they are none.</summary>
internal sealed class ComputeNodes(GraphIndex index, QuantizationPlan plan)
{
    private readonly HashSet<string> _excluded = new(plan.ExcludedNodes, StringComparer.Ordinal);
    private readonly ValueShapes _shapes = new(index.Graph);
    private readonly SubgraphReads _subgraphs = new(index);

    public static bool IsOfKind(NodeProto node) => Nodes.IsStandard(node) && node.OpType is "Conv" or "ConvTranspose" or "Gemm" or "MatMul";

    public bool IsExcluded(NodeProto node) => _excluded.Contains(Nodes.NameOf(node));

    /// <summary>The operator as one that can be quantized, or null and the reason.</summary>
    public ComputeNode? Find(NodeProto node, out string reason)
    {
        reason = "";
        if (IsExcluded(node)) return Not(WhyExcluded(node), out reason);
        if (node.OpType == "ConvTranspose") return Not("ONNX Runtime has no integer ConvTranspose for the processor", out reason);
        if (node.Input.Count < 2 || node.Output.Count != 1) return Not("it has not the inputs that the standard asks for", out reason);
        if (index.IsInitializer(node.Input[0])) return Not("its first input is a constant", out reason);
        if (_subgraphs.Has(node)) return Not(SubgraphReads.Reason, out reason);
        if (ConstantOf(node.Input[1], "weights", out reason) is not { } weight) return null;
        if (AxisOf(node, weight, out reason) is not { } axis) return null;

        TensorProto? bias = null;
        if (node.Input.Count > 2 && node.Input[2].Length > 0)
        {
            bias = ConstantOf(node.Input[2], "bias", out reason);
            if (bias is null) return null;
            if (!IsForChannels(bias, weight.Dims[axis]))
                return Not($"its bias has the shape {Text(bias)}, which is not one value for each channel", out reason);
        }

        if (MultiplicationsOf(node, weight) is { } multiplications && multiplications < plan.MinMultiplications)
        {
            return Not(string.Create(CultureInfo.InvariantCulture,
                $"too small to gain: {multiplications} multiplications a row, and the least is {plan.MinMultiplications}"), out reason);
        }

        return new(node, weight, bias, axis);
    }

    private string WhyExcluded(NodeProto node) =>
        (node.Input.Count > 1 && index.ConstantOf(node.Input[1]) is { } weight ? SlowConvolutions.WhyOf(node, weight) : null)
        ?? "excluded by the plan";

    private TensorProto? ConstantOf(string name, string what, out string reason)
    {
        reason = "";
        if (!index.IsInitializer(name))
            return Null(index.IsInput(name) ? $"its {what} are an input" : $"its {what} are computed", out reason);
        if (index.ConstantOf(name) is not { } tensor) return Null($"its {what} '{name}' are an input of the model as well", out reason);
        if (index.IsOutput(name)) return Null($"its {what} '{name}' are an output of the model", out reason);
        if (TensorData.TypeOf(tensor) != DataType.Float) return Null($"its {what} are {TensorData.TypeOf(tensor)}, not float", out reason);
        if (TensorData.CountOf(tensor) == 0) return Null($"its {what} are empty", out reason);
        foreach (var value in TensorData.Floats(tensor))
        {
            if (!float.IsFinite(value)) return Null($"its {what} '{name}' hold {value}", out reason);
        }

        return tensor;
    }

    private static int? AxisOf(NodeProto node, TensorProto weight, out string reason)
    {
        reason = "";
        var rank = weight.Dims.Count;
        switch (node.OpType)
        {
            case "Conv" when rank >= 3:
                return 0;
            case "Gemm" when Nodes.Int(node, "transA", 0) != 0:
                reason = "its activations are transposed";
                return null;
            case "Gemm" when rank == 2:
                return Nodes.Int(node, "transB", 0) != 0 ? 0 : 1;
            case "MatMul" when rank == 2:
                return 1;
            default:
                reason = $"its weights have the shape {Text(weight)}";
                return null;
        }
    }

    private long? MultiplicationsOf(NodeProto node, TensorProto weight)
    {
        var weights = TensorData.CountOf(weight);
        if (node.OpType != "Conv") return weights;
        if (_shapes.Find(node.Output[0]) is not { Length: > 2 } shape) return null;
        foreach (var size in shape.AsSpan(2))
        {
            if (size is not { } known) return null;
            weights = Math.BigMul(weights, known) is var product && product > long.MaxValue ? long.MaxValue : (long)product;
        }

        return weights;
    }

    private static bool IsForChannels(TensorProto bias, long channels) =>
        TensorData.CountOf(bias) is var count && (count == 1 || (count == channels && bias.Dims[^1] == channels));

    private static string Text(TensorProto tensor) => $"[{string.Join(", ", tensor.Dims)}]";

    private static ComputeNode? Not(string why, out string reason)
    {
        reason = why;
        return null;
    }

    private static TensorProto? Null(string why, out string reason)
    {
        reason = why;
        return null;
    }
}
