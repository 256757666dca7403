using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Rows;

/// <summary>
/// Arithmetic on integers that count from the first row on. They are harmless only if they find a row's own data again, as in
/// <c>x[arange(B), i]</c>. So they are followed up to the lookup that uses them. Anywhere else they are data, which they must not be.
/// </summary>
internal static class Positions
{
    private const long Int32 = (long)OnnxElementType.Int32, Int64 = (long)OnnxElementType.Int64;

    public static FlowValue Follow(NodeFlow flow)
    {
        var operands = flow.Given.ToArray();
        switch (flow.Node.OpType)
        {
            case "Cast" when flow.Node.Int("to", 0) is Int32 or Int64:
                return operands[0];
            case "Add" or "Sum" or "Sub" or "Mul" or "Div" or "Mod":
                var joined = Broadcasting.Join(flow, operands);
                return joined.IsBroken ? joined : Compute(flow, joined, operands);
            default:
                return Refuse(flow);
        }
    }

    private static FlowValue Compute(NodeFlow flow, FlowValue joined, FlowValue[] operands)
    {
        var isNonNegative = Array.TrueForAll(operands, static operand => operand.IsNonNegative);
        if (flow.Node.OpType is "Add" or "Sum")
        {
            var sum = Size.Zero;
            Size? below = Size.One;
            foreach (var operand in operands)
            {
                sum = flow.Symbols.Sum(sum, operand.Stride ?? Size.Zero);
                below = SumOfBelow(below, operand.Below);
            }

            return joined.WithStride(sum, isNonNegative, below);
        }

        if (operands is not [var left, var right]) return Refuse(flow);
        if (flow.Node.OpType == "Sub")
            return right.Stride is null
                ? joined.WithStride(left.Stride, isNonNegative: false, null)
                : left.Stride == right.Stride ? joined : Refuse(flow);
        if (flow.Node.OpType == "Mul")
        {
            var (position, factor) = left.Stride is null ? (right, left) : (left, right);
            return SingleOf(factor) is { IsCount: true } by
                ? joined.WithStride(flow.Symbols.Product(position.Stride!.Value, by), isNonNegative, ProductOfBelow(position.Below, by))
                : Refuse(flow);
        }

        // With nothing below 0: (a + r·s) / c is a / c + r·(s / c), and (a + r·s) mod c is a mod c, where c divides s.
        if (left.Stride is not { } stride || !isNonNegative || SingleOf(right) is not { IsCount: true } divisor
            || stride.Over(divisor) is not { } quotient)
            return Refuse(flow);
        return flow.Node.OpType == "Div" ? joined.WithStride(quotient, isNonNegative: true, null) : joined.NonNegative(divisor);
    }

    /// <summary>The bound of a + b, if a and b are below these.</summary>
    private static Size? SumOfBelow(Size? left, Size? right)
    {
        if (left is not { } a || right is not { } b) return null;
        return a.Is(1)
            ? b
            : b.Is(1)
                ? a
                : a is { IsKnown: true, Factor: < int.MaxValue } && b is { IsKnown: true, Factor: < int.MaxValue }
                    ? Size.Of(a.Factor + b.Factor - 1)
                    : null;
    }

    /// <summary>The bound of a · c, if a is below this.</summary>
    private static Size? ProductOfBelow(Size? below, Size by)
    {
        if (below is not { } a) return null;
        return a.Is(1) ? a : a is { IsKnown: true, Factor: < int.MaxValue } && by is { IsKnown: true, Factor: < int.MaxValue }
            ? Size.Of(((a.Factor - 1) * by.Factor) + 1)
            : null;
    }

    private static Size? SingleOf(FlowValue value) =>
        value.Kind == FlowKind.Shared && value.Terms is [{ IsScaled: false } term] ? term.Alone : null;

    private static FlowValue Refuse(NodeFlow flow) => flow.Breaks("takes the place of a row in the batch as data");
}
