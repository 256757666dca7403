namespace MlServe.Onnx.Rows;

/// <summary>Convolutions and pools: each image of a batch by itself, if the batch is the first axis.</summary>
internal static class ConvolutionOperators
{
    public static void AddTo(OperatorTable table) => table
        .Add(["Conv", "ConvInteger"], static flow => Convolve(flow, flow[1], isTransposed: false), required: 2)
        .Add("ConvTranspose", static flow => Convolve(flow, flow[1], isTransposed: true), required: 2)
        .Add("ConvTransposeWithDynamicPads", static flow =>
            Convolve(flow, flow[1], isTransposed: true), required: 2, OperatorTable.Microsoft)
        .Add("FusedConv", static flow =>
            MatrixOperators.WithBias(flow, Convolve(flow, flow[1], isTransposed: false, count: 3), 3), required: 2, OperatorTable.Microsoft)
        .Add("QLinearConv", static flow => Convolve(flow, flow[3], isTransposed: false), required: 8)
        .Add("DeformConv", static flow => Deform(flow), required: 3)
        .Add(["AveragePool", "LpPool"], static flow => PoolWindows(flow))
        .Add("MaxPool", new RowOperator(MaxPool))
        .Add("MaxUnpool", new RowOperator(static flow => [Unpool(flow)], Required: 2, TakesCounts: true, TakesPositions: true))
        .Add("NhwcMaxPool", static flow => ByImage(flow, []), domain: OperatorTable.Microsoft)
        .Add(["GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool"], static flow => PoolAll(flow))
        .Add("QLinearAveragePool", static flow =>
            flow.Node.Int("channels_last", 0) != 0 ? ByImage(flow, flow.Given.Skip(1)) : PoolWindows(flow, isQuantized: true),
            domain: OperatorTable.Microsoft)
        .Add("QLinearGlobalAveragePool", static flow =>
            flow.Node.Int("channels_last", 0) != 0 ? ByImage(flow, flow.Given.Skip(1)) : PoolAll(flow, isQuantized: true),
            domain: OperatorTable.Microsoft)
        .Add("LRN", static flow => ReductionOperators.Along(flow, 1, "normalizes over"))
        .Add("Col2Im", static flow =>
            flow.Given.Skip(1).Any(static input => input.IsRows) ? flow.Breaks("takes a size from the rows' data") : ByImage(flow, []));

    /// <summary>An operator that takes its first input image by image, without a rule for what sizes come out; its number of axes
    /// stays.</summary>
    public static FlowValue ByImage(NodeFlow flow, IEnumerable<FlowValue> parameters)
    {
        if (parameters.Any(static parameter => parameter.IsRows)) return flow.Unclear("takes parameters from the rows");
        if (flow[0].Dims is not { } dims) return FlowValue.Shared(null);
        if (!flow[0].IsRows) return FlowValue.Shared(flow.Node.OpType == "Col2Im" ? null : flow.NewDims(dims.Length));
        if (flow[0].Axis != 0) return flow.Breaks("mixes along the axis of the rows");
        return flow.Node.OpType == "Col2Im"
            ? flow.Unclear("has a shape that is not followed")
            : flow[0].Derive([dims[0], .. flow.NewDims(dims.Length - 1)], 0);
    }

    private static FlowValue Convolve(NodeFlow flow, FlowValue weights, bool isTransposed, int count = int.MaxValue)
    {
        if (flow.Given.Skip(1).Take(count - 1).Any(static input => input.IsRows)) return flow.Unclear("takes weights from the rows");
        if (flow[0].Dims is not { Length: > 2 } dims)
            return flow[0].IsRows ? flow.Unclear("takes an image of fewer than three axes") : FlowValue.Shared(null);
        if (flow[0].IsRows && flow[0].Axis != 0)
            return flow.Breaks(flow[0].Axis == 1 ? "sums over the axis of the rows" : "mixes neighbours along the axis of the rows");
        var kernel = SpatialSizes.Kernel(flow, weights);
        var groups = flow.Node.Int("group", 1);
        var channels = weights.Dims is not { Length: > 1 } sizes ? flow.Symbols.Count()
            : !isTransposed ? sizes[0]
            : flow.Symbols.Product(sizes[1], Size.Of(groups));
        var spatial = isTransposed
            ? SpatialSizes.OfTransposed(flow, dims.AsSpan(2), kernel)
            : SpatialSizes.OfWindow(flow, dims.AsSpan(2), kernel);
        return flow[0].Derive([dims[0], channels, .. spatial], 0);
    }

    private static FlowValue Deform(NodeFlow flow)
    {
        var images = flow[0];
        if (flow[1].IsRows || flow.Find(3) is { IsRows: true }) return flow.Unclear("takes weights from the rows");
        var offsets = flow.Find(4) is { } mask ? (FlowValue[])[flow[2], mask] : [flow[2]];
        if (!images.IsRows && !Array.Exists(offsets, static offset => offset.IsRows)) return FlowValue.Shared(null);
        if (images is not { IsRows: true, Axis: 0, Rank: > 2 })
            return flow.MeetsFixedRows();
        foreach (var offset in offsets)
        {
            if (offset is not { IsRows: true, Axis: 0 }) return flow.MeetsFixedRows();
            if (offset.Outer != images.Outer) return flow.MeetsOtherOrder();
        }

        return images.Derive(
            [images.Dims[0], flow[1].Dims is [var channels, ..] ? channels : flow.Symbols.Count(), .. flow.NewDims(images.Rank - 2)], 0);
    }

    private static FlowValue PoolWindows(NodeFlow flow, bool isQuantized = false)
    {
        if (Check(flow, isQuantized) is { } result) return result;
        var dims = flow[0].Dims!;
        return flow[0].Derive(
            [dims[0], dims[1], .. SpatialSizes.OfWindow(flow, dims.AsSpan(2), flow.Node.Ints("kernel_shape"))], flow[0].Axis);
    }

    private static FlowValue PoolAll(NodeFlow flow, bool isQuantized = false)
    {
        if (Check(flow, isQuantized) is { } result) return result;
        var dims = flow[0].Dims!;
        return flow[0].Derive([dims[0], dims[1], .. Enumerable.Repeat(Size.One, dims.Length - 2)], flow[0].Axis);
    }

    private static FlowValue? Check(NodeFlow flow, bool isQuantized)
    {
        if (isQuantized && flow.Given.Skip(1).Any(static input => input.IsRows)) return flow.Unclear("takes a scale from the rows");
        if (flow[0].Dims is not { Length: > 2 })
            return flow[0].IsRows ? flow.Unclear("takes an image of fewer than three axes") : FlowValue.Shared(null);
        return flow[0].IsRows && flow[0].Axis > 1 ? flow.Breaks("takes neighbours along the axis of the rows together") : null;
    }

    /// <summary>The second output numbers the elements that are taken, from the first of the whole batch on.</summary>
    private static FlowValue[] MaxPool(NodeFlow flow)
    {
        var pooled = PoolWindows(flow);
        if (!pooled.IsRows || pooled.Axis != 0)
            return [pooled, pooled.IsRows ? flow.Breaks("numbers what it takes from the first row on") : pooled];
        var elements = flow.Symbols.Product(flow[0].Dims!);
        return [pooled, pooled.WithStride(elements, isNonNegative: true, elements)];
    }

    /// <summary>
    /// Puts elements back to the places that a pool took them from. They stay in their own rows if the result has as many elements a row as
    /// the pool's input had.
    /// </summary>
    private static FlowValue Unpool(NodeFlow flow)
    {
        var (value, places, sizes) = (flow[0], flow[1], flow.Find(2));
        if (value.IsPosition || sizes is { IsRows: true }) return flow.Breaks("takes the place of a row in the batch as data");
        if (!value.IsRows && !places.IsRows)
            return value.Kind == FlowKind.Shared && places.Kind == FlowKind.Shared && sizes?.Kind != FlowKind.Count
                ? FlowValue.Shared(null)
                : FlowValue.Count(null);
        if (value is not { IsRows: true, Axis: 0, Dims: { Length: > 2 } dims }
            || places is not { IsRows: true, Axis: 0, Stride: { } stride })
            return flow.Breaks("writes into other rows of the batch");
        Size[] result;
        if (sizes is null)
        {
            result = [dims[0], dims[1], .. SpatialSizes.OfTransposed(flow, dims.AsSpan(2), flow.Node.Ints("kernel_shape"))];
        }
        else
        {
            if (sizes.Terms is not { } terms || terms.Length != dims.Length || terms[0] != new Term(dims[0], IsScaled: true)
                || terms[1..].Any(static term => term is not { IsScaled: false }))
                return flow.Unclear("takes a shape that is not known");
            result = [.. terms.Select(static term => term!.Value.Alone)];
        }

        return places.FindsOwnPlaces && flow.Symbols.Product(result) == stride && value.Outer == places.Outer
            ? value.Derive(result, 0)
            : flow.Unclear("may write into other rows of the batch");
    }
}
