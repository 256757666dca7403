namespace MlServe.Onnx.Rows;

/// <summary>Operators that take many elements together along axes: harmless along all but that of the rows.</summary>
internal static class ReductionOperators
{
    private static readonly string[] Reductions =
        ["ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum",
            "ReduceSumSquare"];

    public static void AddTo(OperatorTable table) => table
        .Add(Reductions, new RowOperator(static flow => [ReduceFound(flow) ?? Reduce(flow)], TakesCounts: true, TakesBroken: true))
        .Add("ReduceSumInteger", static flow => OfAttributes(flow), domain: OperatorTable.Microsoft)
        .Add(["ArgMax", "ArgMin"], static flow => ArgMax(flow))
        .Add("TopK", new RowOperator(TopK))
        .Add("CumSum", static flow => Accumulate(flow), required: 2)
        .Add("CumProd", static flow => Accumulate(flow), required: 2)
        .Add(["Softmax", "LogSoftmax", "Hardmax"], static flow => Softmax(flow))
        .Add("BiasSoftmax", static flow =>
            flow.Given.Any(static input => input.IsRows) ? flow.Unclear("is not understood") : FlowValue.Shared(flow[0].Dims),
            domain: OperatorTable.Microsoft)
        .Add("LpNormalization", static flow => Along(flow, flow.Node.Int("axis", -1), "normalizes over"))
        .Add("MeanVarianceNormalization", static flow => MeanVariance(flow))
        .Add("DFT", static flow => Transform(flow))
        .Add("STFT", static flow => Spectrum(flow));

    /// <summary>An operator that mixes elements along one axis and leaves their number.</summary>
    public static FlowValue Along(NodeFlow flow, long axis, string what)
    {
        if (!flow[0].IsRows) return FlowValue.Shared(flow[0].Dims);
        if (NodeFlow.AxisOf(axis, flow[0].Rank) is not { } found) return flow.LacksAxis();
        return found == flow[0].Axis ? flow.Breaks($"{what} the axis of the rows") : flow[0].Derive();
    }

    /// <summary>A reduction whose axes are an attribute in every operator set.</summary>
    public static FlowValue OfAttributes(NodeFlow flow) =>
        Reduce(flow, flow.Node.Ints("axes"), flow.Node.Find("axes") is null || flow.Node.Ints("axes") is not null);

    /// <summary>The findings in all rows, taken together; null if no input is broken.</summary>
    private static FlowValue? ReduceFound(NodeFlow flow)
    {
        if (RowRules.FindBroken(flow) is not { } broken) return null;
        var isAll = flow[0].ShapeCause is not null && flow.Node.Int("noop_with_empty_axes", 0) == 0
            && flow.Find(1) is null && flow.Node.Find("axes") is null;
        return isAll ? flow.Breaks("goes over what was found in all rows together") : broken;
    }

    private static FlowValue Reduce(NodeFlow flow)
    {
        if (flow.Find(1) is { IsRows: true }) return flow.Breaks("takes its axes from the rows' data");
        return flow.TryGetAxes(1, flow.Node.OpType == "ReduceSum" ? 13 : 18, out var axes)
            ? Reduce(flow, axes, isKnown: true)
            : Reduce(flow, null, isKnown: false);
    }

    private static FlowValue Reduce(NodeFlow flow, long[]? axes, bool isKnown)
    {
        var value = flow[0];
        var isCount = flow.Given.Any(static input => input.Kind == FlowKind.Count);
        if (!isKnown)
            return value.IsRows
                ? flow.Breaks("takes its axes from a value that may name the axis of the rows")
                : isCount ? FlowValue.Count(null) : FlowValue.Shared(null);
        if (axes is null or [] && flow.Node.Int("noop_with_empty_axes", 0) != 0) return value.Derive();
        if (value.Dims is not { } dims) return isCount ? FlowValue.Count(null) : FlowValue.Shared(null);

        var reduced = new HashSet<int>();
        foreach (var axis in axes is null or [] ? Enumerable.Range(0, dims.Length).Select(static axis => (long)axis) : axes)
        {
            if (NodeFlow.AxisOf(axis, dims.Length) is not { } found) return flow.LacksAxis();
            reduced.Add(found);
        }

        if (value.IsRows && reduced.Contains(value.Axis)) return flow.Breaks("goes over the axis of the rows");
        var (kept, rowAxis) = Without(dims, reduced, flow.Node.Int("keepdims", 1) != 0, value.Axis);
        if (value.IsRows) return value.Derive(kept, rowAxis);
        var result = isCount ? FlowValue.Count(kept) : FlowValue.Shared(kept);
        return reduced.Count == dims.Length ? TermMoves.With(result, Fold(flow, value), value.IsReal) : result;
    }

    private static Term?[]? Fold(NodeFlow flow, FlowValue value)
    {
        var operation = flow.Node.OpType switch
        {
            "ReduceProd" => "Mul",
            "ReduceSum" => "Add",
            "ReduceMax" => "Max",
            "ReduceMin" => "Min",
            _ => null,
        };
        return operation is not null && value.Terms is { Length: > 0 } terms
            ? [new TermMath(flow.Symbols, value.IsReal).Reduce(operation, terms)]
            : null;
    }

    private static (Size[] Dims, int RowAxis) Without(Size[] dims, HashSet<int> reduced, bool keeps, int rowAxis)
    {
        if (keeps) return ([.. dims.Select((dim, axis) => reduced.Contains(axis) ? Size.One : dim)], rowAxis);
        return ([.. dims.Where((_, axis) => !reduced.Contains(axis))], rowAxis - reduced.Count(axis => axis < rowAxis));
    }

    private static FlowValue ArgMax(NodeFlow flow)
    {
        if (flow[0].Dims is not { } dims) return FlowValue.Shared(null);
        if (NodeFlow.AxisOf(flow.Node.Int("axis", 0), dims.Length) is not { } axis) return flow.LacksAxis();
        if (flow[0].IsRows && flow[0].Axis == axis) return flow.Breaks("compares the rows with each other");
        var (kept, rowAxis) = Without(dims, [axis], flow.Node.Int("keepdims", 1) != 0, flow[0].Axis);
        return flow[0].Derive(kept, rowAxis).NonNegative(dims[axis]);
    }

    private static FlowValue[] TopK(NodeFlow flow)
    {
        if (flow.Find(1) is { IsRows: true }) return Both(flow.Breaks("takes a size from the rows' data"));
        if (flow[0].Dims is not { } dims) return Both(FlowValue.Shared(null));
        if (NodeFlow.AxisOf(flow.Node.Int("axis", -1), dims.Length) is not { } axis)
            return Both(flow.LacksAxis());
        if (flow[0].IsRows && flow[0].Axis == axis) return Both(flow.Breaks("compares the rows with each other"));
        var kept = (Size[])dims.Clone();
        kept[axis] = flow.Opset < 10
            ? Size.Of(flow.Node.Int("k", 1))
            : flow.Constants(1) is [>= 0 and var count] ? Size.Of(count) : flow.Symbols.Count();
        var values = flow[0].Derive(kept, flow[0].Axis);
        return [values, values.NonNegative(dims[axis])];
    }

    private static FlowValue Accumulate(NodeFlow flow)
    {
        if (flow[1].IsRows) return flow.Breaks("takes its axis from the rows' data");
        if (!flow[0].IsRows) return FlowValue.Shared(flow[0].Dims);
        return flow.Constants(1) is [var axis]
            ? Along(flow, axis, "adds up along")
            : flow.Breaks("takes its axis from a value that may name the axis of the rows");
    }

    private static FlowValue Softmax(NodeFlow flow)
    {
        if (flow.Opset >= 13) return Along(flow, flow.Node.Int("axis", -1), "normalizes over");

        // Up to operator set 12 all axes from the given one on are taken together.
        if (!flow[0].IsRows) return FlowValue.Shared(flow[0].Dims);
        if (NodeFlow.AxisOf(flow.Node.Int("axis", 1), flow[0].Rank) is not { } first) return flow.LacksAxis();
        return flow[0].Axis < first ? flow[0].Derive() : flow.Breaks("normalizes over the axis of the rows");
    }

    private static FlowValue MeanVariance(NodeFlow flow)
    {
        if (!flow[0].IsRows) return FlowValue.Shared(flow[0].Dims);
        var axes = flow.Node.Ints("axes") ?? (flow.Node.Find("axes") is null ? [0, 2, 3] : null);
        if (axes is null) return flow.Unclear("takes axes that are not known");
        return axes.Any(axis => NodeFlow.AxisOf(axis, flow[0].Rank) == flow[0].Axis)
            ? flow.Breaks("normalizes over the axis of the rows")
            : flow[0].Derive();
    }

    private static FlowValue Transform(NodeFlow flow)
    {
        if (flow.Given.Skip(1).Any(static input => input.IsRows)) return flow.Breaks("takes a size from the rows' data");
        if (!flow[0].IsRows) return FlowValue.Shared(flow[0].Dims is { } shape ? flow.NewDims(shape.Length) : null);
        long? axis = flow.Opset < 20
            ? flow.Node.Int("axis", 1)
            : flow.Find(2) is null ? -2 : flow.Constants(2) is [var given] ? given : null;
        if (axis is not { } known || NodeFlow.AxisOf(known, flow[0].Rank) is not { } found)
            return flow.Unclear("takes an axis that is not known");
        if (found == flow[0].Axis || flow[0].Axis == flow[0].Rank - 1) return flow.Breaks("goes over the axis of the rows");
        var dims = (Size[])flow[0].Dims!.Clone();
        (dims[found], dims[^1]) = (flow.Symbols.Count(), flow.Symbols.Count());
        return flow[0].Derive(dims, flow[0].Axis);
    }

    private static FlowValue Spectrum(NodeFlow flow)
    {
        if (flow.Given.Skip(1).Any(static input => input.IsRows)) return flow.Breaks("takes a size from the rows' data");
        if (!flow[0].IsRows) return FlowValue.Shared(flow.NewDims(4));
        if (flow[0].Axis != 0 || flow[0].Rank is not (2 or 3)) return flow.Breaks("goes over the axis of the rows");
        return flow[0].Derive([flow[0].Dims![0], .. flow.NewDims(3)], 0);
    }

    private static FlowValue[] Both(FlowValue value) => [value, value];
}
