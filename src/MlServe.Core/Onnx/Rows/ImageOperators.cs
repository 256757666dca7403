namespace MlServe.Onnx.Rows;

/// <summary>Operators that resize, sample or search images.</summary>
internal static class ImageOperators
{
    public static void AddTo(OperatorTable table) => table
        .Add("Resize", new RowOperator(static flow => [Resize(flow)], TakesCounts: true))
        .Add("Upsample", new RowOperator(static flow => [Upsample(flow)], TakesCounts: true))
        .Add("GridSample", static flow => Sample(flow), required: 2)
        .Add("GridSample", static flow => Sample(flow), required: 2, OperatorTable.Microsoft)
        .Add("AffineGrid", new RowOperator(static flow => [AffineGrid(flow)], Required: 2, TakesCounts: true))
        .Add("DepthToSpace", static flow => Blocks(flow, isDepth: true))
        .Add("SpaceToDepth", static flow => Blocks(flow, isDepth: false))
        .Add("NonMaxSuppression", static flow =>
            HasRows(flow) ? flow.Breaks("puts what it finds in all rows into one list") : FlowValue.Shared(flow.NewDims(2)), required: 2)
        .Add(["RoiAlign", "MaxRoiPool"], static flow =>
            HasRows(flow) ? flow.Unclear("takes regions from all rows together") : FlowValue.Shared(flow.NewDims(4)), required: 2)
        .Add("CenterCropPad", new RowOperator(static flow => [CenterCropPad(flow)], Required: 2, TakesCounts: true));

    private static bool HasRows(NodeFlow flow) => flow.Given.Any(static input => input.IsRows);

    private static FlowValue Resize(NodeFlow flow)
    {
        if (flow.Opset < 11) return Scale(flow, flow[0], flow.Find(1), null, axes: null);
        if (flow.Node.Text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize" && flow[0].IsRows)
            return flow.Unclear("crops by a region that is not followed");
        if (flow.Node.Text("keep_aspect_ratio_policy", "stretch") != "stretch" && flow[0].IsRows)
            return flow.Unclear("keeps the ratio of its axes");
        return Scale(flow, flow[0], flow.Find(2), flow.Find(3), flow.Node.Ints("axes"));
    }

    private static FlowValue Upsample(NodeFlow flow)
    {
        if (flow.Opset >= 9) return Scale(flow, flow[0], flow.Find(1), null, axes: null);
        var scales = flow.Node.Floats("scales");
        var given = scales is null ? null : FlowValue.OfTerms([Size.Of(scales.Length)],
            Array.ConvertAll(scales, scale =>
                (Term?)new Term(scale == MathF.Truncate(scale) ? Size.Of((long)scale) : flow.Symbols.Any(), IsScaled: false)),
            isReal: true);
        return Scale(flow, flow[0], given, null, axes: null);
    }

    private static FlowValue Scale(NodeFlow flow, FlowValue value, FlowValue? scales, FlowValue? sizes, long[]? axes)
    {
        if (flow.Given.Skip(1).Any(static input => input.IsRows)) return flow.Breaks("takes a size from the rows' data");
        var isCount = flow.Given.Any(static input => input.Kind == FlowKind.Count);
        if (value.Dims is not { } dims) return isCount ? FlowValue.Count(null) : FlowValue.Shared(null);
        if (scales?.Terms is []) scales = null;
        if (sizes?.Terms is []) sizes = null;
        var given = scales?.Terms ?? sizes?.Terms;
        var places = axes is null
            ? [.. Enumerable.Range(0, dims.Length)]
            : axes.Select(axis => NodeFlow.AxisOf(axis, dims.Length) ?? -1).ToArray();
        if (given is null || given.Length != places.Length || places.Contains(-1))
        {
            if (value.IsRows) return flow.Unclear("takes sizes that are not known");
            return isCount ? FlowValue.Count(null) : FlowValue.Shared(flow.NewDims(dims.Length));
        }

        var result = (Size[])dims.Clone();
        for (var i = 0; i < places.Length; i++)
        {
            var axis = places[i];
            if (value.IsRows && axis == value.Axis)
            {
                if (given[i] != (scales is not null ? Term.Of(1) : new Term(dims[axis], IsScaled: true)))
                    return given[i] is { Alone.IsKnown: true }
                        ? flow.Breaks("changes the number of rows")
                        : flow.Unclear("may change the number of rows");
                continue;
            }

            if (given[i] is not { IsScaled: false } term)
                return value.IsRows ? flow.Breaks("takes a size from the number of rows") : FlowValue.Count(null);
            result[axis] = scales is null
                ? (term.Alone.IsCount ? term.Alone : flow.Symbols.Count())
                : term.Alone.IsCount ? flow.Symbols.Product(dims[axis], term.Alone) : flow.Symbols.Count();
        }

        return value.Derive(result, value.Axis);
    }

    private static FlowValue Sample(NodeFlow flow)
    {
        var (images, grid) = (flow[0], flow[1]);
        if (!HasRows(flow)) return FlowValue.Shared(images.Dims is { } known ? flow.NewDims(known.Length) : null);
        if (images is not { IsRows: true, Axis: 0, Dims: { Length: > 2 } dims } || grid is not { IsRows: true, Axis: 0 }
            || grid.Rank != dims.Length)
            return flow.MeetsFixedRows();
        return images.Outer == grid.Outer
            ? images.Derive([dims[0], dims[1], .. grid.Dims![1..^1]], 0)
            : flow.MeetsOtherOrder();
    }

    private static FlowValue AffineGrid(NodeFlow flow)
    {
        var (theta, size) = (flow[0], flow[1]);
        if (size.IsRows) return flow.Breaks("takes a size from the rows' data");
        if (!theta.IsRows)
            return size.Kind == FlowKind.Shared && theta.Kind == FlowKind.Shared ? FlowValue.Shared(null) : FlowValue.Count(null);
        if (theta.Axis != 0 || size.Terms is not [{ } batch, _, .. var spatial]
            || spatial.Any(static term => term is not { IsScaled: false }))
            return flow.Unclear("takes a size that is not known");
        if (batch != new Term(theta.Dims[0], IsScaled: true))
            return flow.MeetsFixedRows();
        var sizes = spatial.Select(term => term!.Value.Alone.IsCount ? term.Value.Alone : flow.Symbols.Count());
        return theta.Derive([theta.Dims[0], .. sizes, Size.Of(spatial.Length)], 0);
    }

    private static FlowValue Blocks(NodeFlow flow, bool isDepth)
    {
        if (flow[0].Dims is not { Length: 4 } dims)
            return flow[0].IsRows ? flow.Unclear("takes an image that has not four axes") : FlowValue.Shared(null);
        if (flow[0].IsRows && flow[0].Axis != 0) return flow.Breaks("mixes along the axis of the rows");
        var side = Size.Of(flow.Node.Int("blocksize", 1));
        var area = flow.Symbols.Product(side, side);
        return flow[0].Derive(isDepth
            ? [dims[0], dims[1].Over(area) ?? flow.Symbols.Count(), flow.Symbols.Product(dims[2], side),
                flow.Symbols.Product(dims[3], side)]
            : [dims[0], flow.Symbols.Product(dims[1], area), dims[2].Over(side) ?? flow.Symbols.Count(),
                dims[3].Over(side) ?? flow.Symbols.Count()], 0);
    }

    private static FlowValue CenterCropPad(NodeFlow flow)
    {
        if (flow[1].IsRows) return flow.Breaks("takes a size from the rows' data");
        if (flow[0].Dims is not { } dims)
            return flow[0].Kind == FlowKind.Shared && flow[1].Kind == FlowKind.Shared ? FlowValue.Shared(null) : FlowValue.Count(null);
        long[] axes = flow.Node.Ints("axes") ?? [.. Enumerable.Range(0, dims.Length).Select(static axis => (long)axis)];
        if (flow[1].Kind != FlowKind.Shared)
            return flow[0].IsRows ? flow.Unclear("takes a size from the number of rows") : FlowValue.Count(null);
        if (flow[0].IsRows && axes.Any(axis => NodeFlow.AxisOf(axis, dims.Length) == flow[0].Axis))
            return flow.Unclear("crops or pads along the axis of the rows");
        var result = flow.NewDims(dims.Length);
        if (flow[0].IsRows) result[flow[0].Axis] = dims[flow[0].Axis];
        return flow[0].Derive(result, flow[0].Axis);
    }
}
