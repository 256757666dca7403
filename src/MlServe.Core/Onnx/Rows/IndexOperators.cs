namespace MlServe.Onnx.Rows;

/// <summary>Operators that look elements up by index, or write them there.</summary>
internal static class IndexOperators
{
    public static void AddTo(OperatorTable table) => table
        .Add("Gather", new RowOperator(static flow => [Gather(flow)], Required: 2, TakesCounts: true, TakesPositions: true))
        .Add("GatherElements", static flow => GatherElements(flow), required: 2)
        .Add("GatherND", new RowOperator(static flow =>
            [TupleOperators.Gather(flow)], Required: 2, TakesBroken: true, TakesPositions: true, TakesTuples: true))
        .Add("ScatterND", new RowOperator(static flow =>
            [TupleOperators.Scatter(flow)], Required: 3, TakesBroken: true, TakesPositions: true, TakesTuples: true))
        .Add(["Scatter", "ScatterElements"], static flow => ScatterElements(flow), required: 3)
        .Add("OneHot", static flow => OneHot(flow), required: 3)
        .Add("ArrayFeatureExtractor", static flow => ArrayFeatureExtractor(flow), required: 2, OperatorTable.Ml)
        .Add("Compress", static flow => Compress(flow), required: 2)
        .Add("NonZero", static flow => NonZero(flow))
        .Add("Unique", new RowOperator(static flow => Unique(flow)))
        .Add("ReverseSequence", static flow => ReverseSequence(flow), required: 2)
        .Add("Trilu", static flow => Trilu(flow))
        .Add("Trilu", static flow => Trilu(flow), domain: OperatorTable.Microsoft)
        .Add("GatherBlockQuantized", static flow => GatherQuantized(flow), required: 3, OperatorTable.Microsoft)
        .Add("TensorScatter", static flow => ScatterInto(flow), required: 2);

    private static FlowValue Gather(NodeFlow flow)
    {
        var (data, indices) = (flow[0], flow[1]);
        var hasRows = data.IsRows || indices.IsRows;
        if (data.Kind == FlowKind.Count || indices.Kind == FlowKind.Count)
        {
            if (hasRows) return flow.Breaks("takes the number of rows in the batch as data");
            if (data.Dims is null || indices.Dims is null) return FlowValue.Count(null);
        }

        if (data.Dims is not { } dims || indices.Dims is not { } indexDims)
            return hasRows ? flow.Unclear("looks up in a value of unknown shape") : FlowValue.Shared(null);
        if (NodeFlow.AxisOf(flow.Node.Int("axis", 0), dims.Length) is not { } axis) return flow.LacksAxis();
        Size[] result = [.. dims[..axis], .. indexDims, .. dims[(axis + 1)..]];
        if (!hasRows) return GatherShared(flow, result, axis);
        if (!data.IsRows)
            return indices.IsPosition
                ? flow.Breaks("looks up by the place of a row in the batch")
                : Signed(data, FlowValue.Rows(result, axis + indices.Axis, indices.Outer));
        if (!indices.IsRows)
        {
            return data.Axis == axis
                ? flow.Breaks("takes rows by their place in the batch")
                : data.Restructure(result, data.Axis < axis ? data.Axis : data.Axis - 1 + indexDims.Length);
        }

        // Rows of the data that are found again by indices that count from the first row on.
        if (data.Axis == axis && !data.IsPosition && data.Outer.Is(1) && indices.Stride == dims[axis] && indices.FindsOwnPlaces)
            return Signed(data, FlowValue.Rows(result, axis + indices.Axis, indices.Outer));
        return flow.Breaks("looks up in other rows of the batch");
    }

    private static FlowValue GatherShared(NodeFlow flow, Size[] result, int axis)
    {
        var (data, indices) = (flow[0], flow[1]);
        var gathered = data.Kind == FlowKind.Count || indices.Kind == FlowKind.Count
            ? FlowValue.Count(result)
            : Signed(data, FlowValue.Shared(result));
        if (flow.Constants(1) is not { } at || data.Dims![axis] is not { IsKnown: true } size) return gathered;
        var indexSizes = TermMoves.Known(indices.Dims);
        return TermMoves.With(gathered, TermMoves.Select(data, result, place =>
        {
            var flat = 0;
            for (var i = 0; i < indexSizes!.Length; i++)
                flat = (flat * indexSizes[i]) + place[axis + i];
            var index = at[flat] < 0 ? at[flat] + size.Factor : at[flat];
            return index < 0 || index >= size.Factor ? null : [.. place[..axis], (int)index, .. place[(axis + indexSizes.Length)..]];
        }), data.IsReal);
    }

    private static FlowValue GatherQuantized(NodeFlow flow)
    {
        var (data, indices) = (flow[0], flow[1]);
        if (!flow.Given.Any(static input => input.IsRows)) return FlowValue.Shared(null);
        if (!indices.IsRows || data.Dims is not { } dims || flow.Given.Count(static input => input.IsRows) > 1)
            return flow.Unclear("looks up in other rows of the batch");
        if (NodeFlow.AxisOf(flow.Node.Int("gather_axis", 0), dims.Length) is not { } axis)
            return flow.LacksAxis();

        // Packed data has several elements in one.
        Size[] result = [.. flow.NewDims(axis), .. indices.Dims, .. flow.NewDims(dims.Length - axis - 1)];
        return FlowValue.Rows(result, axis + indices.Axis, indices.Outer);
    }

    /// <summary>Writes a row's update into that row's cache.</summary>
    private static FlowValue ScatterInto(NodeFlow flow)
    {
        if (!flow.Given.Any(static input => input.IsRows)) return FlowValue.Shared(flow[0].Dims);
        if (flow.Given.Any(static input => input is not { IsRows: true, Axis: 0 }))
            return flow.MeetsFixedRows();
        if (NodeFlow.AxisOf(flow.Node.Int("axis", -2), flow[0].Rank) is not > 0) return flow.Breaks("writes into other rows of the batch");
        return flow.Given.All(input => input.Outer == flow[0].Outer)
            ? flow[0].Derive()
            : flow.MeetsOtherOrder();
    }

    private static FlowValue GatherElements(NodeFlow flow)
    {
        var (data, indices) = (flow[0], flow[1]);
        if (!data.IsRows && !indices.IsRows) return Signed(data, FlowValue.Shared(indices.Dims));
        if (data.Dims is null || indices.Dims is null || data.Rank != indices.Rank
            || NodeFlow.AxisOf(flow.Node.Int("axis", 0), data.Rank) is not { } axis)
            return flow.Unclear("looks up in a value of unknown shape");
        if (!data.IsRows)
            return indices.Axis == axis
                ? Signed(data, FlowValue.Rows(indices.Dims, axis, indices.Outer))
                : flow.Breaks("looks up by the place of a row in the batch");
        if (!indices.IsRows || data.Axis == axis || indices.Axis != data.Axis) return flow.Breaks("looks up in other rows of the batch");
        return Signed(data, FlowValue.Rows(indices.Dims, indices.Axis, indices.Outer)).WithDoubt(Together(flow, data, indices));
    }

    private static FlowValue ScatterElements(NodeFlow flow)
    {
        var (data, indices, updates) = (flow[0], flow[1], flow[2]);
        if (!data.IsRows && !indices.IsRows && !updates.IsRows) return FlowValue.Shared(data.Dims);
        if (!data.IsRows) return flow.Breaks("writes all rows into one value");
        if (!indices.IsRows || !updates.IsRows) return flow.Breaks("writes into rows by their place in the batch");
        if (NodeFlow.AxisOf(flow.Node.Int("axis", 0), data.Rank) is not { } axis || indices.Rank != data.Rank || updates.Rank != data.Rank)
            return flow.Unclear("writes into a value of unknown shape");
        if (data.Axis == axis || indices.Axis != data.Axis || updates.Axis != data.Axis)
            return flow.Breaks("writes into other rows of the batch");
        return data.Derive().WithDoubt(Together(flow, data, indices) ?? Together(flow, data, updates));
    }

    /// <summary>Why two values' rows do not lie side by side if an index says nothing; null if they do. One may be shorter than the
    /// other there, unlike in arithmetic.</summary>
    private static Cause? Together(NodeFlow flow, FlowValue data, FlowValue other) =>
        data.Outer == other.Outer && data.Dims![data.Axis] == other.Dims![other.Axis]
            ? null
            : flow.Unclear("may look up in other rows of the batch").Cause;

    private static FlowValue OneHot(NodeFlow flow)
    {
        var indices = flow[0];
        if (flow[1].IsRows || flow[2].IsRows) return flow.Breaks("takes a size from the rows' data");
        if (indices.Dims is not { } dims) return FlowValue.Shared(null);
        if (NodeFlow.AxisOf(flow.Node.Int("axis", -1), dims.Length + 1) is not { } axis)
            return flow.LacksAxis();
        var depth = flow.Constants(1) is [>= 0 and var size] ? Size.Of(size) : flow.Symbols.Count();
        return indices.Derive([.. dims[..axis], depth, .. dims[axis..]], axis <= indices.Axis ? indices.Axis + 1 : indices.Axis);
    }

    private static FlowValue ArrayFeatureExtractor(NodeFlow flow)
    {
        var (data, indices) = (flow[0], flow[1]);
        if (data.Dims is not { } dims || indices.Dims is null)
            return data.IsRows || indices.IsRows ? flow.Unclear("looks up in a value of unknown shape") : FlowValue.Shared(null);
        var count = flow.Symbols.Product(indices.Dims);
        Size[] result = dims.Length <= 1 ? [Size.One, count] : [.. dims[..^1], count];
        if (!indices.IsRows)
            return data.IsRows && data.Axis == dims.Length - 1
                ? flow.Breaks("takes rows by their place in the batch")
                : data.Derive(result, data.Axis);
        if (data.IsRows) return flow.Breaks("looks up in other rows of the batch");
        var flat = Reshaping.Apply(flow, indices, [Term.Of(-1)], zeroCopies: false);
        return flat.IsRows ? FlowValue.Rows(result, result.Length - 1, flat.Outer) : flat;
    }

    private static FlowValue Compress(NodeFlow flow)
    {
        var (data, condition) = (flow[0], flow[1]);
        if (condition.IsRows) return flow.Breaks("takes as many elements as the rows' data say");
        if (!data.IsRows) return FlowValue.Shared(null);
        if (flow.Node.Find("axis") is null || NodeFlow.AxisOf(flow.Node.Int("axis", 0), data.Rank) is not { } axis || axis == data.Axis)
            return flow.Breaks("takes rows by their place in the batch");
        var dims = (Size[])data.Dims.Clone();
        dims[axis] = flow.Symbols.Count();
        return data.Derive(dims, data.Axis);
    }

    private static FlowValue NonZero(NodeFlow flow)
    {
        if (!flow[0].IsRows)
            return FlowValue.Shared([flow[0].Dims is { } dims ? Size.Of(dims.Length) : flow.Symbols.Count(), flow.Symbols.Count()])
                .NonNegative();

        // Places that are written to or read from again may be harmless; how many there are is not.
        return FlowValue.Broken(
            flow.Unclear("finds places in all rows together").Cause!, flow.Breaks("counts what it finds in all rows together").Cause);
    }

    private static FlowValue[] Unique(NodeFlow flow)
    {
        var result = flow[0].IsRows ? flow.Breaks("compares the rows with each other") : FlowValue.Shared(null);
        return [result, result, result, result];
    }

    private static FlowValue ReverseSequence(NodeFlow flow)
    {
        var (data, lengths) = (flow[0], flow[1]);
        var (batch, time) = (flow.Node.Int("batch_axis", 1), flow.Node.Int("time_axis", 0));
        if (!data.IsRows && !lengths.IsRows) return FlowValue.Shared(data.Dims);
        if (data.IsRows && data.Axis == time) return flow.Breaks("reverses the order of the rows");
        if (data.IsRows && data.Axis != batch && !lengths.IsRows) return data.Derive();
        if (!data.IsRows || data.Axis != batch || !lengths.IsRows)
            return flow.MeetsFixedRows();
        return data.Outer == lengths.Outer && lengths.Rank == 1
            ? data.Derive()
            : flow.MeetsOtherOrder();
    }

    private static FlowValue Trilu(NodeFlow flow)
    {
        if (flow.Find(1) is { IsRows: true }) return flow.Breaks("takes a place from the rows' data");
        if (!flow[0].IsRows) return FlowValue.Shared(flow[0].Dims);
        return flow[0].Axis < flow[0].Rank - 2 ? flow[0].Derive() : flow.Breaks("makes values differ by the place of a row in the batch");
    }

    private static FlowValue Signed(FlowValue data, FlowValue result) => data.IsNonNegative ? result.NonNegative(data.Below) : result;
}
