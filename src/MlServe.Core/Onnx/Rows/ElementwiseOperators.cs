using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Rows;

/// <summary>Operators that compute each element of their output from the elements in its place.</summary>
internal static class ElementwiseOperators
{
    private static readonly string[] Standard =
    [
        "Abs", "Acos", "Acosh", "Add", "Affine", "And", "Asin", "Asinh", "Atan", "Atanh", "BitShift", "BitwiseAnd", "BitwiseNot",
        "BitwiseOr", "BitwiseXor", "Cast", "Ceil", "Celu", "Clip", "Cos", "Cosh", "Div", "Elu", "Equal", "Erf", "Exp", "Floor", "Gelu",
        "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "IsInf", "IsNaN", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max",
        "Mean", "Min", "Mish", "Mod", "Mul", "Neg", "Not", "Or", "ParametricSoftplus", "Pow", "PRelu", "Reciprocal", "RegexFullMatch",
        "Relu", "Round", "ScaledTanh", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt",
        "StringConcat", "Sub", "Sum", "Swish", "Tan", "Tanh", "ThresholdedRelu", "Where", "Xor",
    ];

    private static readonly string[] OfMicrosoft = ["BiasAdd", "BiasGelu", "FastGelu", "Gelu", "QuickGelu"];

    private static readonly string[] NonNegativeOfSuch = ["Add", "Cast", "Max", "Min", "Mod", "Mul", "Sum"];

    public static void AddTo(OperatorTable table)
    {
        table.Add("BiasSplitGelu", static flow => Broadcasting.Join(flow, [.. flow.Given]) is { IsRows: true, AxisFromEnd: > 1 } joined
                ? joined.Derive([.. joined.Dims[..^1], joined.Dims[^1].Over(Size.Of(2)) ?? flow.Symbols.Count()], joined.Axis)
                : flow.Given.Any(static input => input.IsRows) ? flow.Unclear("splits the axis of the rows") : FlowValue.Shared(null),
            domain: OperatorTable.Microsoft)
            .Add(Standard, new RowOperator(static flow => [Follow(flow)], TakesCounts: true, TakesPositions: true))
            .Add(OfMicrosoft, static flow => Broadcasting.Join(flow, [.. flow.Given]), domain: OperatorTable.Microsoft)
            .Add("Identity", new RowOperator(static flow =>
                [flow[0]], TakesCounts: true, TakesPositions: true, TakesTuples: true, TakesSequences: true))
            .Add("CastLike", new RowOperator(static flow => [CastLike(flow)], Required: 2, TakesCounts: true, TakesBroken: true));
    }

    private static FlowValue Follow(NodeFlow flow)
    {
        var node = flow.Node;
        if (flow.Opset < 7 && (node.OpType == "PRelu" || (node.Find("broadcast") ?? node.Find("axis")) is not null))
            return flow.Unclear("joins its operands as operator sets before 7 do");

        FlowValue[] operands = [.. flow.Given];
        if (Array.Exists(operands, static operand => operand.IsPosition)) return Positions.Follow(flow);
        var joined = Broadcasting.Join(flow, operands);
        if (joined.Kind is FlowKind.Shared or FlowKind.Count)
            return TermMoves.With(joined, Compute(flow, joined, operands), IsReal(flow, operands));
        if (!joined.IsRows) return joined;
        if (node.OpType == "Mod" && node.Int("fmod", 0) == 0 && NodeFlow.ConstantsOf(operands[^1]) is [> 0 and var divisor])
            return joined.NonNegative(Size.Of(divisor));
        return node.OpType == "Where" ? NonNegativeIf(joined, operands[1].IsNonNegative && operands[2].IsNonNegative)
            : NonNegativeIf(
                joined, NonNegativeOfSuch.Contains(node.OpType) && Array.TrueForAll(operands, static operand => operand.IsNonNegative));
    }

    private static FlowValue CastLike(NodeFlow flow) =>
        flow[0].IsBroken ? flow[0] : flow[0].Dims is { } dims ? flow[0].Restructure(dims, flow[0].Axis) : flow[0].WithoutTerms();

    private static FlowValue NonNegativeIf(FlowValue value, bool isNonNegative) => isNonNegative ? value.NonNegative() : value;

    private static Term?[]? Compute(NodeFlow flow, FlowValue joined, FlowValue[] operands)
    {
        var isCast = flow.Node.OpType == "Cast";
        if ((!isCast && !TermMath.Knows(flow.Node.OpType)) || flow.Node.OpType == "Mod" && flow.Node.Int("fmod", 0) != 0
            || joined.Dims is not { } dims)
            return null;
        var from = new Term?[operands.Length][];
        for (var i = 0; i < operands.Length; i++)
        {
            if (Spread(operands[i], dims) is not { } spread) return null;
            from[i] = spread;
        }

        var math = new TermMath(flow.Symbols, Array.Exists(operands, static operand => operand.IsReal));
        var computed = new Term?[from[0].Length];
        for (var i = 0; i < computed.Length; i++)
            computed[i] = isCast ? Cast(flow, math, from[0][i]) : math.Apply(flow.Node.OpType, [.. from.Select(terms => terms[i])]);
        return isCast && TargetOf(flow) is OnnxElementType.Undefined ? null : computed;
    }

    private static Term?[]? Spread(FlowValue operand, Size[] dims)
    {
        if (operand.Dims is not { } own) return null;
        return TermMoves.Select(operand, dims, place =>
        {
            var from = new int[own.Length];
            for (var i = 1; i <= own.Length; i++)
                from[^i] = own[^i].Is(1) ? 0 : place[^i];
            return from;
        });
    }

    private static Term? Cast(NodeFlow flow, TermMath math, Term? term) => TargetOf(flow) == OnnxElementType.Bool
        ? math.Apply("Not", [math.Apply("Equal", [term, Term.Of(0)])])
        : math.Cast(term, TargetOf(flow) is OnnxElementType.Float or OnnxElementType.Double);

    /// <summary>The type to cast to, if it holds all sizes.</summary>
    private static OnnxElementType TargetOf(NodeFlow flow) => (OnnxElementType)flow.Node.Int("to", 0) is var type
        && type is OnnxElementType.Float or OnnxElementType.Double or OnnxElementType.Int64 or OnnxElementType.Int32 or OnnxElementType.Bool
        ? type
        : OnnxElementType.Undefined;

    private static bool IsReal(NodeFlow flow, FlowValue[] operands) => flow.Node.OpType switch
    {
        "Cast" => TargetOf(flow) is OnnxElementType.Float or OnnxElementType.Double,
        "Equal" or "Greater" or "GreaterOrEqual" or "Less" or "LessOrEqual" or "Not" or "And" or "Or" => false,
        "Where" => operands[1].IsReal || operands[2].IsReal,
        _ => Array.Exists(operands, static operand => operand.IsReal),
    };
}
