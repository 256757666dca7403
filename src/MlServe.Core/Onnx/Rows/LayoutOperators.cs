namespace MlServe.Onnx.Rows;

/// <summary>Operators that put the same elements into another shape or order, or repeat them.</summary>
internal static class LayoutOperators
{
    private static readonly RowOperator Template = new(static flow => [flow[0]], TakesCounts: true, TakesPositions: true);

    public static void AddTo(OperatorTable table) => table
        .Add("Reshape", Template with { Follow = static flow => [Reshape(flow)], TakesBroken = true })
        .Add("Flatten", Template with { Follow = static flow => [Flatten(flow)] })
        .Add("Squeeze", Template with { Follow = static flow => [Squeeze(flow)] })
        .Add("Unsqueeze", Template with { Follow = static flow => [Unsqueeze(flow)] })
        .Add("Transpose", Template with { Follow = static flow => [Transpose(flow)] })
        .Add("Expand", Template with { Follow = static flow => [Expand(flow)], Required = 2 })
        .Add("Tile", Template with { Follow = static flow => [Tile(flow)], Required = 2 });

    private static FlowValue Reshape(NodeFlow flow)
    {
        if (flow.Find(1) is { IsBroken: true } noShape) return FlowValue.Broken(noShape.Cause!);
        if (flow[0] is { IsBroken: true, Flat: null }) return flow[0];
        var value = flow[0].Flat ?? flow[0];
        Term?[]? target;
        if (flow.Opset < 5)
        {
            target = flow.Node.Ints("shape")?.Select(static size => (Term?)Term.Of(size)).ToArray();
        }
        else
        {
            if (flow.Find(1) is not { } shape) return flow.Unclear("lacks its shape");
            if (shape.IsRows) return flow.Breaks("takes a shape from the rows' data");
            target = shape.Terms;
            if (target is null && shape is { Kind: FlowKind.Shared, Dims: [{ IsKnown: true, Factor: <= FlowValue.MaxTerms } rank] })
                target = Unknown(flow, (int)rank.Factor);
        }

        if (target is null)
            return value.Kind == FlowKind.Shared && flow.Find(1)?.Kind == FlowKind.Shared
                ? FlowValue.Shared(null)
                : flow.Unclear("takes a shape that is not known");
        var zeroCopies = flow.Node.Int("allowzero", 0) == 0;

        // What is cut through has another shape by now, whose sizes cannot be copied.
        if (flow[0].IsBroken && zeroCopies && target.Any(static term => term is not { Alone: { IsKnown: true, Factor: not 0 } }))
            return flow[0];
        var reshaped = Reshaping.Apply(flow, value, target, zeroCopies);
        return SameElements(value, reshaped);
    }

    private static Term?[] Unknown(NodeFlow flow, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => (Term?)new Term(flow.Symbols.Any(), IsScaled: false))];

    private static FlowValue Flatten(NodeFlow flow)
    {
        if (flow[0].Dims is not { } dims) return flow[0].Kind == FlowKind.Count ? FlowValue.Count(null) : FlowValue.Shared(flow.NewDims(2));
        var axis = flow.Node.Int("axis", 1);
        if (axis < -dims.Length || axis > dims.Length) return flow.LacksAxis();
        var at = (int)(axis < 0 ? axis + dims.Length : axis);
        Term?[] target =
        [
            new Term(flow.Symbols.Product(dims.AsSpan(0, at)), flow[0].IsRows && flow[0].Axis < at),
            new Term(flow.Symbols.Product(dims.AsSpan(at)), flow[0].IsRows && flow[0].Axis >= at),
        ];
        return SameElements(flow[0], Reshaping.Apply(flow, flow[0], target, zeroCopies: false));
    }

    private static FlowValue Squeeze(NodeFlow flow)
    {
        if (!flow.TryGetAxes(1, 13, out var axes)) return OfUnknownAxes(flow);
        if (flow[0].Dims is not { } dims) return flow[0].WithoutTerms();
        var dropped = new HashSet<int>();
        foreach (var axis in axes ?? [])
        {
            if (NodeFlow.AxisOf(axis, dims.Length) is not { } found) return flow.LacksAxis();
            dropped.Add(found);
        }

        if (axes is null)
        {
            if (dims.Any(static dim => !dim.IsKnown))
                return flow[0].IsRows ? flow.Unclear("drops axes of 1, and it is not known which") : Unranked(flow[0]);
            dropped.UnionWith(Enumerable.Range(0, dims.Length).Where(axis => dims[axis].Is(1)));
        }

        if (flow[0].IsRows && dropped.Contains(flow[0].Axis)) return flow.Unclear("drops the axis of the rows");
        Size[] kept = [.. dims.Where((_, axis) => !dropped.Contains(axis))];
        return SameElements(flow[0], flow[0].Restructure(kept, flow[0].Axis - dropped.Count(axis => axis < flow[0].Axis)));
    }

    private static FlowValue Unsqueeze(NodeFlow flow)
    {
        if (!flow.TryGetAxes(1, 13, out var axes) || axes is null) return OfUnknownAxes(flow);
        if (flow[0].Dims is not { } dims) return flow[0].WithoutTerms();
        var rank = dims.Length + axes.Length;
        var added = new HashSet<int>();
        foreach (var axis in axes)
        {
            if (NodeFlow.AxisOf(axis, rank) is not { } found || !added.Add(found)) return flow.LacksAxis();
        }

        var result = new Size[rank];
        var (from, rowAxis) = (0, 0);
        for (var axis = 0; axis < rank; axis++)
        {
            if (added.Contains(axis))
            {
                result[axis] = Size.One;
                continue;
            }

            if (from == flow[0].Axis) rowAxis = axis;
            result[axis] = dims[from++];
        }

        return SameElements(flow[0], flow[0].Restructure(result, rowAxis));
    }

    private static FlowValue Transpose(NodeFlow flow)
    {
        if (flow[0].Dims is not { } dims) return flow[0].WithoutTerms();
        var order = flow.Node.Ints("perm") ?? [.. Enumerable.Range(0, dims.Length).Reverse().Select(static axis => (long)axis)];
        if (order.Length != dims.Length || !order.Order().SequenceEqual(Enumerable.Range(0, dims.Length).Select(static axis => (long)axis)))
            return flow.Unclear("has an order that is none");
        Size[] turned = [.. order.Select(axis => dims[axis])];
        var result = flow[0].Restructure(turned, Array.IndexOf(order, (long)flow[0].Axis));
        return TermMoves.With(result, TermMoves.Select(flow[0], turned, place =>
        {
            var from = new int[place.Length];
            for (var axis = 0; axis < place.Length; axis++)
                from[order[axis]] = place[axis];
            return from;
        }), flow[0].IsReal);
    }

    private static FlowValue Expand(NodeFlow flow)
    {
        var (value, shape) = (flow[0], flow[1]);
        if (shape.IsRows) return flow.Breaks("takes a shape from the rows' data");
        if (shape.Terms is not { } target)
        {
            if (value.Kind == FlowKind.Shared && shape.Kind == FlowKind.Shared) return FlowValue.Shared(null);
            return flow.Unclear("takes a shape that is not known");
        }

        if (value.Dims is not { } dims)
            return target.All(static term => term is { IsScaled: false })
                ? value.WithoutTerms()
                : flow.Unclear("spreads a value of unknown shape over the rows");
        if (!value.IsRows && target.Any(static term => term is null or { IsScaled: true }))
            return SpreadOverRows(flow, value, dims, target);

        var result = new Size[Math.Max(dims.Length, target.Length)];
        for (var i = 1; i <= result.Length; i++)
        {
            var own = i <= dims.Length ? dims[^i] : Size.One;
            if ((i <= target.Length ? target[^i] : Term.Of(1)) is not { } term)
                return flow.Unclear("takes a shape that follows from the number of rows in a way that is not understood");
            if (value.IsRows && i == value.AxisFromEnd)
            {
                if (!term.Is(1) && term != new Term(own, IsScaled: true))
                    return term is { IsScaled: false, Alone.IsKnown: true }
                        ? flow.Breaks($"fixes the number of rows at {term.Alone}")
                        : flow.Unclear("may change the number of rows");
                result[^i] = own;
                continue;
            }

            if (term.IsScaled) return flow.Breaks("spreads each row over all rows");
            result[^i] = Broadcasting.Combine(flow.Symbols, own, term.Alone.IsCount ? term.Alone : flow.Symbols.Count());
        }

        return Repeat(value, value.Restructure(result, result.Length - value.AxisFromEnd), dims);
    }

    /// <summary>A value that all rows share, once for each row.</summary>
    private static FlowValue SpreadOverRows(NodeFlow flow, FlowValue value, Size[] dims, Term?[] target)
    {
        if (value.Kind != FlowKind.Shared) return flow.Unclear("spreads what follows from the number of rows over the rows");
        if (ShapeOperators.Filled(flow, target) is not { IsRows: true } filled)
            return flow.Unclear("takes a shape that follows from the number of rows in a way that is not understood");
        if (Broadcasting.Stands(flow, value, filled.AxisFromEnd) is { } broken) return broken;
        var result = Broadcasting.Combine(flow.Symbols, dims, filled.Dims);
        var spread = FlowValue.Rows(result, result.Length - filled.AxisFromEnd, Size.One);
        return value.IsNonNegative ? spread.NonNegative() : spread;
    }

    private static FlowValue Tile(NodeFlow flow)
    {
        var (value, repeats) = (flow[0], flow[1]);
        if (repeats.IsRows) return flow.Breaks("takes a shape from the rows' data");
        if (value.Dims is not { } dims)
            return value.Kind == FlowKind.Shared && repeats.Kind == FlowKind.Shared
                ? value.WithoutTerms()
                : flow.Unclear("repeats a value of unknown shape");
        if (repeats.Terms is not { } terms || terms.Length != dims.Length)
            return value.Kind == FlowKind.Shared && repeats.Kind == FlowKind.Shared
                ? FlowValue.Shared(flow.NewDims(dims.Length))
                : flow.Unclear("repeats rows an unknown number of times");

        int? grown = null;
        var outer = value.Outer;
        var result = new Size[dims.Length];
        for (var axis = 0; axis < dims.Length; axis++)
        {
            if (terms[axis] is not { } term)
                return flow.Unclear("takes a shape that follows from the number of rows in a way that is not understood");
            if (term.IsScaled)
            {
                if (value.IsRows)
                    return axis == value.Axis ? flow.Unclear("repeats the rows") : flow.Breaks("spreads each row over all rows");
                if (grown is not null || value.Kind != FlowKind.Shared) return flow.Unclear("repeats along two axes");
                grown = axis;
            }
            else if (value.IsRows && axis == value.Axis && !term.Is(1))
            {
                // All rows, and all rows again: one more block in front.
                if (!term.Alone.IsKnown) return flow.Unclear("may repeat the rows");
                if (value.Stride is not null) return flow.Unclear("repeats the numbers of the rows");
                outer = flow.Symbols.Product(outer, term.Alone);
            }

            result[axis] = term.Alone.IsCount ? flow.Symbols.Product(dims[axis], term.Alone) : flow.Symbols.Count();
        }

        if (grown is { } growing)
            return value.IsNonNegative
                ? FlowValue.Rows(result, growing, Size.One).NonNegative()
                : FlowValue.Rows(result, growing, Size.One);
        return value.IsRows ? value.Restructure(result, value.Axis).WithOuter(outer) : Repeat(value, value.Restructure(result, 0), dims);
    }

    private static FlowValue Repeat(FlowValue value, FlowValue result, Size[] dims) =>
        result.IsRows ? result : TermMoves.With(result, TermMoves.Select(value, result.Dims!, place =>
    {
        var from = new int[dims.Length];
        for (var i = 1; i <= dims.Length; i++)
            from[^i] = dims[^i].Is(0) ? -1 : place[^i] % (int)dims[^i].Factor;
        return from;
    }), value.IsReal);

    private static FlowValue OfUnknownAxes(NodeFlow flow) => flow[0].Kind switch
    {
        FlowKind.Shared => FlowValue.Shared(null),
        FlowKind.Count => FlowValue.Count(null),
        _ => flow.Unclear("takes axes that are not known"),
    };

    private static FlowValue Unranked(FlowValue value) => value.Kind == FlowKind.Count ? FlowValue.Count(null) : FlowValue.Shared(null);

    private static FlowValue SameElements(FlowValue value, FlowValue result) => TermMoves.With(result, value.Terms, value.IsReal);
}
