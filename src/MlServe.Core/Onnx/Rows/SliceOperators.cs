namespace MlServe.Onnx.Rows;

/// <summary>Operators that cut values apart, or put them together.</summary>
internal static class SliceOperators
{
    /// <summary>Exporters write this or more for "to the end"; no tensor is as large.</summary>
    private const long End = 1_000_000_000;

    private static readonly RowOperator Template = new(static flow => [flow[0]], TakesCounts: true, TakesPositions: true);

    public static void AddTo(OperatorTable table) => table
        .Add("Slice", Template with { Follow = static flow => [Slice(flow)] })
        .Add("Split", Template with { Follow = Split })
        .Add("Concat", Template with { Follow = static flow => [Concat(flow)] })
        .Add("Pad", Template with { Follow = static flow => [Pad(flow)], TakesPositions = false });

    private static FlowValue Slice(NodeFlow flow)
    {
        var value = flow[0];
        if (flow.Inputs.Skip(1).Any(static input => input is { IsRows: true })) return flow.Breaks("takes its bounds from the rows' data");
        if (value.Dims is not { } dims)
            return value.Kind == FlowKind.Shared && AreShared(flow) ? value.WithoutTerms() : FlowValue.Count(null);
        var (starts, ends, steps) = (Bounds(flow, 1, "starts"), Bounds(flow, 2, "ends"), flow.Find(4)?.Terms);
        if (starts is null || ends is null || starts.Length != ends.Length || !TryGetAxes(flow, starts.Length, dims.Length, out var axes))
            return OfUnknownBounds(flow);
        if (flow.Find(4) is not null && steps is null) return OfUnknownBounds(flow);

        var result = (Size[])dims.Clone();
        var cuts = new (long Start, long Step)?[dims.Length];
        for (var axis = 0; axis < cuts.Length; axis++)
            cuts[axis] = (0, 1);
        for (var i = 0; i < axes.Length; i++)
        {
            var axis = axes[i];
            var (start, end, step) = (starts[i], ends[i], i < (steps?.Length ?? 0) ? steps![i] : Term.Of(1));
            if (IsWhole(value, axis, start, end, step)) continue;
            if (value.IsRows && axis == value.Axis)
            {
                return start is { IsScaled: false, Alone.IsKnown: true } && end is { Alone.IsKnown: true }
                    && step is { IsScaled: false, Alone.IsKnown: true }
                    ? flow.Breaks("takes rows by their place in the batch")
                    : flow.Unclear("may take rows by their place in the batch");
            }

            if (start is not { IsScaled: false } || end is not { IsScaled: false } || step is not { IsScaled: false })
                return value.IsRows ? flow.Breaks("cuts rows to a size that follows from the number of rows") : FlowValue.Count(null);
            (result[axis], cuts[axis]) = Cut(flow, dims[axis], start.Value.Alone, end.Value.Alone, step.Value.Alone);
        }

        var sliced = value.Restructure(result, value.Axis);
        return TermMoves.With(sliced, TermMoves.Select(value, result, place =>
        {
            var from = new int[place.Length];
            for (var axis = 0; axis < place.Length; axis++)
            {
                if (cuts[axis] is not { } cut) return null;
                from[axis] = (int)(cut.Start + (place[axis] * cut.Step));
            }

            return from;
        }), value.IsReal);
    }

    private static bool AreShared(NodeFlow flow) => flow.Given.All(static input => input.Kind == FlowKind.Shared);

    private static FlowValue OfUnknownBounds(NodeFlow flow)
    {
        if (flow[0].IsRows) return flow.Unclear("may take rows by their place in the batch");
        var dims = flow.NewDims(flow[0].Rank);
        return AreShared(flow) ? FlowValue.Shared(dims) : FlowValue.Count(null);
    }

    private static Term?[]? Bounds(NodeFlow flow, int index, string attribute) =>
        flow.Opset < 10 ? flow.Node.Ints(attribute)?.Select(static bound => (Term?)Term.Of(bound)).ToArray() : flow.Find(index)?.Terms;

    private static bool TryGetAxes(NodeFlow flow, int count, int rank, out int[] axes)
    {
        axes = [];
        var given = flow.Opset < 10 ? flow.Node.Ints("axes") : flow.Constants(3);
        if (given is null && (flow.Opset < 10 ? flow.Node.Find("axes") is not null : flow.Find(3) is not null)) return false;
        given ??= [.. Enumerable.Range(0, count).Select(static axis => (long)axis)];
        var found = given.Select(axis => NodeFlow.AxisOf(axis, rank)).ToList();
        if (found.Count != count || found.Contains(null) || found.Distinct().Count() != count) return false;
        axes = [.. found.Select(static axis => axis!.Value)];
        return true;
    }

    /// <summary>Whether a slice takes all along an axis, alone and in company.</summary>
    private static bool IsWhole(FlowValue value, int axis, Term? start, Term? end, Term? step)
    {
        if (start is not { } first || end is not { } last || step is not { } by || !first.Is(0) || !by.Is(1)) return false;
        var isRowAxis = value.IsRows && axis == value.Axis;
        return last is { IsScaled: false, Alone: { IsKnown: true, Factor: >= End } } || last == new Term(value.Dims![axis], isRowAxis);
    }

    private static (Size Size, (long Start, long Step)? Cut) Cut(NodeFlow flow, Size dim, Size start, Size end, Size step)
    {
        if (!start.IsKnown || !step.IsKnown || step.Factor is 0 or < -End || !end.IsKnown)
            return (OfUnknown(), null);
        if (!dim.IsKnown) return (OfUnknown(), null);

        var size = dim.Factor;
        var forward = step.Factor > 0;
        var first = Clamp(start.Factor, size, forward ? 0 : -1, forward ? size : size - 1);
        var last = Clamp(end.Factor, size, forward ? 0 : -1, forward ? size : size - 1);
        var count = forward ? (last - first + step.Factor - 1) / step.Factor : (first - last - step.Factor - 1) / -step.Factor;
        return (Size.Of(Math.Max(0, count)), (first, step.Factor));

        Size OfUnknown()
        {
            var bounds = flow.Symbols.Of("pair", start, end, isCount: false);
            return flow.Symbols.Of("slice", dim, flow.Symbols.Of("bounds", bounds, step, isCount: false), isCount: true);
        }
    }

    private static long Clamp(long bound, long size, long low, long high) =>
        Math.Clamp(bound < 0 ? Math.Max(bound, -End) + size : bound, low, Math.Max(low, high));

    private static FlowValue[] Split(NodeFlow flow)
    {
        var value = flow[0];
        var parts = flow.OutputCount;
        if (flow.Find(1) is { IsRows: true }) return Every(flow.Breaks("takes its sizes from the rows' data"), parts);
        if (value.Dims is not { } dims) return Every(value.WithoutTerms(), parts);
        if (NodeFlow.AxisOf(flow.Node.Int("axis", 0), dims.Length) is not { } axis)
            return Every(flow.LacksAxis(), parts);
        var isGiven = flow.Opset < 13 ? flow.Node.Find("split") is not null : flow.Find(1) is not null;
        var sizes = flow.Opset < 13 ? flow.Node.Ints("split") : flow.Constants(1);
        if (value.IsRows && axis == value.Axis)
        {
            // The parts are the first blocks, the next, and so on, if there are as many as parts, or a multiple of it.
            var outer = isGiven ? null : value.Outer.Over(Size.Of(parts));
            if (outer is null && parts > 1) return Every(flow.Breaks("takes rows by their place in the batch"), parts);
            return parts == 1
                ? [value]
                : Every(
                    value.Restructure(With(dims, axis, dims[axis].Over(Size.Of(parts)) ?? flow.Symbols.Count()), axis)
                        .WithOuter(outer!.Value), parts);
        }

        if (isGiven && sizes is null && flow.Find(1)?.Kind == FlowKind.Count)
            return Every(
                value.IsRows ? flow.Breaks("cuts rows to a size that follows from the number of rows") : FlowValue.Count(null), parts);
        var results = new FlowValue[parts];
        long at = 0;
        for (var i = 0; i < parts; i++)
        {
            var size = isGiven
                ? (sizes is not null && i < sizes.Length ? Size.Of(sizes[i]) : flow.Symbols.Count())
                : Part(flow, dims[axis], parts, i);
            var from = at;
            var part = value.Restructure(With(dims, axis, size), value.Axis);
            results[i] = size.IsKnown && at >= 0 ? TermMoves.With(part, TermMoves.Select(value, part.Dims!, place =>
            {
                var source = (int[])place.Clone();
                source[axis] += (int)from;
                return source;
            }), value.IsReal) : part;
            at = size.IsKnown && at >= 0 ? at + size.Factor : -1;
        }

        return results;
    }

    private static Size Part(NodeFlow flow, Size dim, int parts, int index)
    {
        if (!dim.IsKnown) return dim.Over(Size.Of(parts)) ?? flow.Symbols.Count();
        var whole = (dim.Factor + parts - 1) / parts;
        return Size.Of(Math.Max(0, Math.Min(whole, dim.Factor - (whole * index))));
    }

    private static FlowValue Concat(NodeFlow flow)
    {
        FlowValue[] values = [.. flow.Given];
        var rows = Array.Find(values, static value => value.IsRows);
        if (Array.Exists(values, static value => value.Dims is null))
            return rows is not null
                ? flow.Unclear("joins the rows with a value of unknown shape")
                : values.All(static value => value.Kind == FlowKind.Shared) ? FlowValue.Shared(null) : FlowValue.Count(null);
        var rank = values[0].Rank;
        if (Array.Exists(values, value => value.Rank != rank)
            || NodeFlow.AxisOf(flow.Node.Int("axis", flow.Opset < 4 ? 1 : 0), rank) is not { } axis)
            return flow.Unclear("joins values of different ranks");

        var dims = (Size[])values[0].Dims!.Clone();
        for (var i = 1; i < values.Length; i++)
        {
            for (var other = 0; other < rank; other++)
                dims[other] = other == axis
                    ? flow.Symbols.Sum(dims[other], values[i].Dims![other])
                    : dims[other].IsKnown ? dims[other] : values[i].Dims![other];
        }

        if (rows is null) return JoinShared(values, dims, axis);
        if (Array.Exists(values, static value => value.Kind == FlowKind.Count))
            return flow.Breaks("takes the number of rows in the batch as data");
        return rows.Axis == axis ? JoinAlongRows(flow, values, rows, dims, axis) : JoinBesideRows(flow, values, rows, dims, axis);
    }

    private static FlowValue JoinShared(FlowValue[] values, Size[] dims, int axis)
    {
        var joined = Array.Exists(values, static value => value.Kind == FlowKind.Count) ? FlowValue.Count(dims) : FlowValue.Shared(dims);
        if (Array.Exists(values, static value => value.Terms is null)) return joined;
        var starts = new int[values.Length];
        for (var i = 1; i < values.Length; i++)
            starts[i] = starts[i - 1] + (int)values[i - 1].Dims![axis].Factor;
        if (TermMoves.Known(dims) is not { } sizes) return joined;

        var terms = new Term?[sizes.Aggregate(1, static (count, size) => count * size)];
        var place = new int[sizes.Length];
        for (var i = 0; i < terms.Length; i++)
        {
            var source = Array.FindLastIndex(starts, start => start <= place[axis]);
            while (values[source].Dims![axis].Is(0))
                source--;
            var from = (int[])place.Clone();
            from[axis] -= starts[source];
            if (TermMoves.At(values[source], from) is not { } found) return joined;
            terms[i] = found.Term;
            TermMoves.Advance(place, sizes);
        }

        return FlowValue.OfTerms(dims, terms, Array.Exists(values, static value => value.IsReal));
    }

    private static FlowValue JoinAlongRows(NodeFlow flow, FlowValue[] values, FlowValue rows, Size[] dims, int axis)
    {
        if (values.Length == 1) return rows;
        if (Array.Exists(values, value => !value.IsRows || value.Axis != axis))
            return flow.Unclear("puts the rows behind others that all share");
        if (Array.Exists(values, static value => value.IsPosition)) return flow.Unclear("joins the numbers of rows");

        // All rows of the first, all of the second: as many more blocks as there are operands, if a row has as much in each.
        return Array.TrueForAll(values, value => value.Outer == rows.Outer && value.Dims![axis] == rows.Dims![axis])
            ? Signed(values, FlowValue.Rows(dims, axis, flow.Symbols.Product(rows.Outer, Size.Of(values.Length))))
            : flow.Unclear("joins pieces of different sizes along the axis of the rows");
    }

    private static FlowValue JoinBesideRows(NodeFlow flow, FlowValue[] values, FlowValue rows, Size[] dims, int axis)
    {
        dims[rows.Axis] = rows.Dims![rows.Axis];
        foreach (var value in values)
        {
            if (!value.IsRows) return flow.MeetsFixedRows();
            if (Broadcasting.Differ(flow, rows, value) is { } broken) return broken;
        }

        var joined = Signed(values, FlowValue.Rows(dims, rows.Axis, rows.Outer));
        if (!Array.Exists(values, static value => value.IsPosition)) return joined;
        if (Array.Exists(values, static value => value.Stride is not null && !value.FindsOwnPlaces))
            return flow.Unclear("joins numbers of rows that may be those of others");
        if (axis != dims.Length - 1 || Array.Exists(values, static value => value.Strides is not null)
            || TermMoves.Known([.. values.Select(static value => value.Dims![^1])]) is not { } widths)
            return flow.Unclear("joins the numbers of rows with other data");
        return joined.WithStrides([.. values.SelectMany((value, i) => Enumerable.Repeat(value.Stride, widths[i]))]);
    }

    private static FlowValue Signed(FlowValue[] values, FlowValue joined) =>
        Array.TrueForAll(values, static value => value.IsNonNegative) ? joined.NonNegative() : joined;

    private static FlowValue Pad(NodeFlow flow)
    {
        var value = flow[0];
        if (flow.Find(1) is { IsRows: true } || flow.Find(2) is { IsRows: true }) return flow.Breaks("pads by the rows' data");
        if (value.Dims is not { } dims) return AreShared(flow) ? value.WithoutTerms() : FlowValue.Count(null);
        var pads = flow.Opset < 11
            ? (flow.Node.Ints("pads") ?? flow.Node.Ints("paddings"))?.Select(static pad => (Term?)Term.Of(pad)).ToArray()
            : flow.Find(1)?.Terms;
        var axes = Enumerable.Range(0, dims.Length).ToArray();
        if (flow.Opset >= 18 && flow.Find(3) is not null)
        {
            var given = flow.Constants(3)?.Select(axis => NodeFlow.AxisOf(axis, dims.Length)).ToArray();
            if (given is null || given.Contains(null)) return OfUnknownPads(flow);
            axes = [.. given.Select(static axis => axis!.Value)];
        }

        if (pads is null || pads.Length != 2 * axes.Length) return OfUnknownPads(flow);
        var result = (Size[])dims.Clone();
        for (var i = 0; i < axes.Length; i++)
        {
            if (pads[i] is not { IsScaled: false } before || pads[i + axes.Length] is not { IsScaled: false } after)
                return value.IsRows ? flow.Unclear("pads by what follows from the number of rows") : FlowValue.Count(null);
            if (before.Is(0) && after.Is(0)) continue;
            if (value.IsRows && axes[i] == value.Axis) return flow.Unclear("pads along the axis of the rows");
            var sum = flow.Symbols.Sum(flow.Symbols.Sum(dims[axes[i]], before.Alone), after.Alone);
            result[axes[i]] = sum.IsCount ? sum : flow.Symbols.Of("pad", sum, Size.One, isCount: true);
        }

        if (value.IsRows && flow.Find(2)?.Kind == FlowKind.Count) return flow.Breaks("takes the number of rows in the batch as data");
        return AreShared(flow) || value.IsRows ? value.Derive(result, value.Axis) : FlowValue.Count(result);
    }

    private static FlowValue OfUnknownPads(NodeFlow flow) =>
        flow[0].IsRows
            ? flow.Unclear("may pad along the axis of the rows")
            : AreShared(flow) ? FlowValue.Shared(flow.NewDims(flow[0].Rank)) : FlowValue.Count(null);

    private static Size[] With(Size[] dims, int axis, Size size)
    {
        var changed = (Size[])dims.Clone();
        changed[axis] = size;
        return changed;
    }

    private static FlowValue[] Every(FlowValue value, int count)
    {
        var values = new FlowValue[count];
        Array.Fill(values, value);
        return values;
    }
}
