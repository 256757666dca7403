using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting.Static;

/// <summary>
/// Narrows the range of a value whose readers are all flat beyond some limit. Values there do not change the readers' outputs, so no
/// integers are spent on them.
/// </summary>
internal sealed class SaturationLimits(GraphIndex index)
{
    // Where a curve only comes near its limit, the limit is where it is within 2e-4 of it (Sigmoid, Tanh), or where x * Sigmoid(x) is
    // within 3e-3 of 0.
    private const float SigmoidLimit = 9, TanhLimit = 5, SwishLimit = 8;

    public TensorRange Narrow(string value, TensorRange range)
    {
        var uses = index.UsesOf(value);
        if (uses.Count == 0 || index.IsOutput(value)) return range;
        var (low, high) = (float.MaxValue, float.MinValue);
        foreach (var use in uses)
        {
            if (use.IsFromSubgraph) return range;
            var (least, greatest) = LimitsOf(use.Node, value);
            low = Math.Min(low, least);
            high = Math.Max(high, greatest);
        }

        return new(Math.Min(Math.Max(range.Min, low), range.Max), Math.Max(Math.Min(range.Max, high), range.Min));
    }

    private (float Low, float High) LimitsOf(NodeProto node, string value)
    {
        if (!Nodes.IsStandard(node)) return (float.MinValue, float.MaxValue);
        switch (node.OpType)
        {
            case "Relu":
                return (0, float.MaxValue);
            case "Clip":
                return (IntegerOperators.LimitOf(node, 1, float.MinValue, index) ?? float.MinValue,
                    IntegerOperators.LimitOf(node, 2, float.MaxValue, index) ?? float.MaxValue);
            case "Sigmoid":
                return (-SigmoidLimit, SigmoidLimit);
            case "Tanh":
                return (-TanhLimit, TanhLimit);
            case "HardSwish":
                return (-3, float.MaxValue);
            case "HardSigmoid":
                return HardSigmoid(node);
            case "Mul" when Gate(node, value) is { } gate:
                return (Nodes.Is(gate, "Sigmoid") ? -SwishLimit : HardSigmoid(gate).Low, float.MaxValue);
            default:
                return (float.MinValue, float.MaxValue);
        }
    }

    /// <summary>The gate of x * gate(x), as HardSwish and Swish are written.</summary>
    private NodeProto? Gate(NodeProto product, string value)
    {
        if (product.Input.Count != 2 || product.Input[0] == product.Input[1]) return null;
        var other = product.Input[0] == value ? product.Input[1] : product.Input[0];
        return index.ProducerOf(other) is { } gate && (Nodes.Is(gate, "Sigmoid") || Nodes.Is(gate, "HardSigmoid")) && gate.Input[0] == value
            ? gate
            : null;
    }

    private static (float Low, float High) HardSigmoid(NodeProto node)
    {
        var (alpha, beta) = (Nodes.Float(node, "alpha", 0.2f), Nodes.Float(node, "beta", 0.5f));
        return alpha > 0 ? (-beta / alpha, (1 - beta) / alpha) : (float.MinValue, float.MaxValue);
    }
}
