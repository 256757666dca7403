using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing.Shapes;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing;

/// <summary>Recognizes HardSwish and HardSigmoid that were exported as smaller operators, from the last of their nodes backwards.</summary>
internal sealed class HardSwishPattern(GraphIndex index, GraphIndex outermost, KnownShapes shapes)
{
    private const float Sixth = 1f / 6;

    private bool _hasAxis;

    /// <summary>The pattern that a node ends; null if it ends none.</summary>
    public Found? Match(NodeProto node)
    {
        _hasAxis = false;
        return MatchAny(node) is { } found && (!_hasAxis || HasAxes(found.Source)) ? found : null;
    }

    private Found? MatchAny(NodeProto node)
    {
        if (DividedBySix(node) is { } divided) return MatchGate(node, divided) ?? MatchProduct(node, divided);
        return Nodes.Is(node, "Mul") && node.Input.Count == 2
            ? MatchScaled(node, node.Input[0], node.Input[1]) ?? MatchScaled(node, node.Input[1], node.Input[0])
            : null;
    }

    /// <summary>Clip(x + 3, 0, 6) / 6.</summary>
    private Found? MatchGate(NodeProto node, string divided) =>
        Clamp(divided, node) is { } clamp ? new(clamp.Source, divided, false, clamp.Nodes) : null;

    /// <summary>(x * Clip(x + 3, 0, 6)) / 6.</summary>
    private Found? MatchProduct(NodeProto node, string divided)
    {
        if (!ReferenceEquals(index.SoleReaderOf(divided), node) || index.ProducerOf(divided) is not { } product || !Nodes.Is(product, "Mul")
            || product.Input.Count != 2)
            return null;
        for (var side = 0; side < 2; side++)
        {
            var clamped = product.Input[side];
            if (Clamp(clamped, product) is { } clamp && clamp.Source == product.Input[1 - side])
                return new(clamp.Source, clamped, true, [.. clamp.Nodes, product]);
        }

        return null;
    }

    /// <summary>(x / 6) * Clip(x + 3, 0, 6).</summary>
    private Found? MatchScaled(NodeProto node, string scaled, string clamped)
    {
        if (!ReferenceEquals(index.SoleReaderOf(scaled), node) || index.ProducerOf(scaled) is not { } scale
            || DividedBySix(scale) is not { } source)
            return null;
        return Clamp(clamped, node) is { } clamp && clamp.Source == source ? new(source, clamped, true, [.. clamp.Nodes, scale]) : null;
    }

    private (string Source, NodeProto[] Nodes)? Clamp(string value, NodeProto reader)
    {
        var nodes = new List<NodeProto>();
        var (low, high) = (float.NegativeInfinity, float.PositiveInfinity);
        while (ReferenceEquals(index.SoleReaderOf(value), reader) && index.ProducerOf(value) is { } producer)
        {
            nodes.Insert(0, producer);
            if (low == 0 && high == 6) return Shifted(producer) is { } source ? (source, [.. nodes]) : null;
            if (Limits(producer) is not { } limits) return null;
            low = Math.Max(low, limits.Low);
            high = Math.Min(high, limits.High);
            reader = producer;
            value = limits.Source;
        }

        return null;
    }

    private (string Source, float Low, float High)? Limits(NodeProto node)
    {
        if (!Nodes.IsStandard(node)) return null;
        switch (node.OpType)
        {
            case "Relu":
                return (node.Input[0], 0, float.PositiveInfinity);
            case "Clip" when node.Attribute.Count == 0:
                return Limit(node, 1, float.NegativeInfinity) is { } low && Limit(node, 2, float.PositiveInfinity) is { } high
                    ? (node.Input[0], low, high)
                    : null;
            case "Max":
                return WithConstant(node) is { } max ? (max.Source, max.Constant, float.PositiveInfinity) : null;
            case "Min":
                return WithConstant(node) is { } min ? (min.Source, float.NegativeInfinity, min.Constant) : null;
            default:
                return null;
        }
    }

    private float? Limit(NodeProto node, int input, float otherwise) =>
        node.Input.Count <= input || node.Input[input].Length == 0 ? otherwise : ConstantOf(node.Input[input]);

    private string? Shifted(NodeProto node) => Nodes.Is(node, "Add") && WithConstant(node) is { Constant: 3 } add ? add.Source : null;

    private string? DividedBySix(NodeProto node)
    {
        if (Nodes.Is(node, "Div") && node.Input.Count == 2) return ConstantOf(node.Input[1]) == 6 ? node.Input[0] : null;
        return Nodes.Is(node, "Mul") && WithConstant(node) is { Constant: Sixth } product ? product.Source : null;
    }

    private (string Source, float Constant)? WithConstant(NodeProto node)
    {
        if (node.Input.Count != 2) return null;
        if (ConstantOf(node.Input[1]) is { } right) return (node.Input[0], right);
        return ConstantOf(node.Input[0]) is { } left ? (node.Input[1], left) : null;
    }

    /// <summary>A constant with one axis gives a number without any an axis, which nothing that is written in place of it would.</summary>
    private bool HasAxes(string value) => shapes.Find(index.Graph, value) is { Length: > 0 };

    /// <summary>A single float with one axis at most.</summary>
    private float? ConstantOf(string value)
    {
        var tensor = index.ConstantOf(value)
            ?? (index.ProducerOf(value) is null && !index.IsInput(value) ? outermost.ConstantOf(value) : null);
        if (tensor is null || TensorData.TypeOf(tensor) != TensorProto.Types.DataType.Float || tensor.Dims.Count > 1
            || TensorData.CountOf(tensor) != 1)
            return null;
        _hasAxis |= tensor.Dims.Count == 1;
        return TensorData.Floats(tensor)[0];
    }

    /// <summary>The pattern that was found.</summary>
    /// <param name="Source">The value that it is calculated from.</param>
    /// <param name="Clamped">The name of the value between 0 and 6.</param>
    /// <param name="IsMultiplied">Whether it is HardSwish, and not HardSigmoid alone.</param>
    /// <param name="Replaced">The nodes that it stands for, but for the last, in order.</param>
    internal sealed record Found(string Source, string Clamped, bool IsMultiplied, IReadOnlyList<NodeProto> Replaced);
}
