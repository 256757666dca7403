using MlServe.Onnx.Graphs;

namespace MlServe.Onnx.Rows;

/// <summary>Operators that read sizes, and those that make values of a size.</summary>
internal static class ShapeOperators
{
    public static void AddTo(OperatorTable table) => table
        .Add("Constant", new RowOperator(static flow => [Constant(flow)], Required: 0))
        .Add("Shape", new RowOperator(static flow =>
            [Shape(flow)], TakesCounts: true, TakesBroken: true, TakesPositions: true, TakesTuples: true))
        .Add("Size", new RowOperator(static flow =>
            [SizeOf(flow)], TakesCounts: true, TakesBroken: true, TakesPositions: true, TakesTuples: true))
        .Add("ConstantOfShape", new RowOperator(static flow => [ConstantOfShape(flow)], TakesCounts: true))
        .Add("Range", new RowOperator(static flow => [Range(flow)], Required: 3, TakesCounts: true))
        .Add("EyeLike", static flow =>
            flow[0].IsRows ? flow.Breaks("makes values that differ by the place of a row in the batch") : FlowValue.Shared(flow[0].Dims));

    private static FlowValue Constant(NodeFlow flow) =>
        flow.Node.TryGetConstant(out var tensor) ? FlowConstants.Of(tensor, flow.Symbols) : FlowValue.Shared(null);

    private static FlowValue Shape(NodeFlow flow)
    {
        if (flow[0] is { IsBroken: true } broken) return SizeOfBroken(broken);
        if (Terms(flow, flow[0]) is not { } terms)
            return flow[0].Kind == FlowKind.Shared ? FlowValue.Shared(flow.NewDims(1)) : FlowValue.Count(flow.NewDims(1));
        var first = Clamp(flow.Node.Int("start", 0), terms.Length);
        var last = Clamp(flow.Node.Int("end", terms.Length), terms.Length);
        Term?[] taken = first < last ? terms[first..last] : [];
        return FlowValue.OfTerms([Size.Of(taken.Length)], taken, isReal: false);
    }

    private static FlowValue SizeOf(NodeFlow flow)
    {
        if (flow[0] is { IsBroken: true } broken) return SizeOfBroken(broken);
        if (Terms(flow, flow[0]) is not { } terms) return flow[0].Kind == FlowKind.Shared ? FlowValue.Shared([]) : FlowValue.Count([]);
        var math = new TermMath(flow.Symbols, isReal: false);
        return FlowValue.OfTerms([], [math.Reduce("Mul", [Term.Of(1), .. terms])], isReal: false);
    }

    private static FlowValue SizeOfBroken(FlowValue value) =>
        value.ShapeCause is { } asData ? FlowValue.BrokenSize(value.Cause!, asData) : FlowValue.Broken(value.Cause!);

    private static Term?[]? Terms(NodeFlow flow, FlowValue value)
    {
        if (value.Dims is not { } dims) return null;
        var terms = new Term?[dims.Length];
        for (var axis = 0; axis < dims.Length; axis++)
        {
            var isScaled = value.IsRows && axis == value.Axis;

            // Where the file declares a size, the runtime may give that one.
            var size = !isScaled && !dims[axis].IsKnown && flow.Body.Trace.HasUnknownDeclarations ? flow.Symbols.Count() : dims[axis];
            terms[axis] = new Term(size, isScaled);
        }

        return terms;
    }

    private static int Clamp(long place, int length) => (int)Math.Clamp(place < 0 ? place + length : place, 0, length);

    private static FlowValue ConstantOfShape(NodeFlow flow)
    {
        if (flow[0].IsRows) return flow.Breaks("takes a shape from the rows' data");
        var value = flow.Node.Find("value")?.Tensor;
        var isNonNegative = value is null || value.Integers is [>= 0];
        if (flow[0].Terms is not { } shape)
            return flow[0].Kind == FlowKind.Shared
                ? OfUnknownShape(flow)
                : flow.Unclear("makes a value whose shape follows from the number of rows");
        if (Filled(flow, shape) is not { } filled) return flow.Unclear("makes a value whose shape follows from the number of rows");
        if (filled.IsRows) return isNonNegative ? filled.NonNegative() : filled;

        if (TermMoves.Known(filled.Dims) is not { } sizes) return filled;
        Term? number = value is null ? Term.Of(0) : FlowConstants.Of(value, flow.Symbols).Terms is [var single] ? single : null;
        if (number is null) return filled;
        var terms = new Term?[sizes.Aggregate(1, static (a, b) => a * b)];
        Array.Fill(terms, number);
        return TermMoves.With(filled, terms, value is null || value.Numbers is not null);
    }

    private static FlowValue OfUnknownShape(NodeFlow flow) =>
        FlowValue.Shared(flow[0].Dims is [{ IsKnown: true } rank] && rank.Factor <= FlowValue.MaxTerms
            ? flow.NewDims((int)rank.Factor)
            : null);

    /// <summary>A value with the same everywhere: if one dimension grows with the rows, that is one for each row.</summary>
    public static FlowValue? Filled(NodeFlow flow, Term?[] shape)
    {
        int? axis = null;
        var dims = new Size[shape.Length];
        for (var i = 0; i < shape.Length; i++)
        {
            if (shape[i] is not { } term || (term.IsScaled && axis is not null)) return null;
            if (term.IsScaled) axis = i;
            dims[i] = term.Alone.IsCount ? term.Alone : flow.Symbols.Count();
        }

        return axis is { } found ? FlowValue.Rows(dims, found, Size.One) : FlowValue.Shared(dims);
    }

    private static FlowValue Range(NodeFlow flow)
    {
        if (flow.Given.Any(static input => input.IsRows)) return flow.Breaks("takes a size from the rows' data");
        if (flow[0].Terms is not [{ } start] || flow[1].Terms is not [{ } limit] || flow[2].Terms is not [{ } step])
            return flow.Given.All(static input => input.Kind == FlowKind.Shared)
                ? FlowValue.Shared(flow.NewDims(1))
                : FlowValue.Count(null);
        if (start.IsScaled || step.IsScaled) return FlowValue.Count(null);
        if (limit.IsScaled)
        {
            // From 0 in steps of 1: the r-th row's numbers are those that it has alone, plus r times as many as there are.
            return start.Is(0) && step.Is(1) && !flow[0].IsReal
                ? FlowValue.Rows([limit.Alone], 0, Size.One).WithStride(limit.Alone, isNonNegative: true, limit.Alone)
                : FlowValue.Count(null);
        }

        if (start is not { Alone.IsKnown: true } || limit is not { Alone.IsKnown: true } || step is not { Alone.IsKnown: true }
            || step.Is(0))
        {
            var size = start.Is(0) && step.Is(1) && limit.Alone.IsCount ? limit.Alone : flow.Symbols.Count();
            var range = FlowValue.Shared([size]);
            return start is { Alone: { IsKnown: true, Factor: >= 0 } } && step is { Alone: { IsKnown: true, Factor: > 0 } }
                ? range.NonNegative()
                : range;
        }

        var count = Math.Max(0, Math.Ceiling(((double)limit.Alone.Factor - start.Alone.Factor) / step.Alone.Factor));
        var known = FlowValue.Shared([count < long.MaxValue ? Size.Of((long)count) : flow.Symbols.Count()]);
        if (count > FlowValue.MaxTerms) return start.Alone.Factor >= 0 && step.Alone.Factor > 0 ? known.NonNegative() : known;
        var terms = Enumerable.Range(0, (int)count).Select(i => (Term?)Term.Of(start.Alone.Factor + (i * step.Alone.Factor))).ToArray();
        return FlowValue.OfTerms([Size.Of(terms.Length)], terms, flow[0].IsReal);
    }
}
