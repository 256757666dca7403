namespace MlServe.Onnx.Rows;

/// <summary>Normalizations: harmless if they take their statistics within a row.</summary>
internal static class NormalizationOperators
{
    public static void AddTo(OperatorTable table) => table
        .Add("BatchNormalization", new RowOperator(Batch, Required: 5))
        .Add(["InstanceNormalization", "GroupNormalization"], static flow => OfImage(flow), required: 3)
        .Add("GroupNorm", static flow => OfImage(flow), required: 3, OperatorTable.Microsoft)
        .Add(["LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization"], new RowOperator(Layer, Required: 2))
        .Add(["LayerNormalization", "SimplifiedLayerNormalization"], new RowOperator(Layer, Required: 2), OperatorTable.Microsoft)
        .Add(["SkipLayerNormalization", "SkipSimplifiedLayerNormalization"], new RowOperator(Skip, Required: 3), OperatorTable.Microsoft)
        .Add("EmbedLayerNormalization", new RowOperator(Embed), OperatorTable.Microsoft);

    private static FlowValue[] Batch(NodeFlow flow)
    {
        // In training mode the runtime takes the statistics of the batch, and keeps them from run to run.
        if (flow.Node.Int("training_mode", 0) != 0
            || (flow.Opset < 14 && flow.Node.Outputs.Skip(1).Any(static output => output.Length > 0)))
            return [.. Enumerable.Repeat(flow.Breaks("is in training mode: it takes the statistics of the batch, and keeps state"), 5)];
        if (flow.Given.Skip(1).Any(static input => input.IsRows)) return [flow.Unclear("takes its statistics from the rows")];
        if (flow[0].Dims is not { } dims) return [FlowValue.Shared(null)];
        return [flow[0].IsRows && flow[0].Axis == 1 ? flow.Breaks("takes the rows for channels") : flow[0].Derive(dims, flow[0].Axis)];
    }

    private static FlowValue OfImage(NodeFlow flow)
    {
        if (flow.Given.Skip(1).Any(static input => input.IsRows)) return flow.Unclear("takes its parameters from the rows");
        if (flow[0].Dims is not { } dims) return FlowValue.Shared(null);
        return flow[0].IsRows && flow[0].Axis != 0
            ? flow.Breaks("normalizes over the axis of the rows")
            : flow[0].Derive(dims, flow[0].Axis);
    }

    private static FlowValue[] Layer(NodeFlow flow)
    {
        var joined = Broadcasting.Join(flow, [.. flow.Given]);
        if (joined.IsBroken) return [joined, joined, joined];
        if (flow[0].Dims is not { } dims)
            return joined.IsRows
                ? [flow.Unclear("normalizes a value of unknown shape")]
                : [joined, FlowValue.Shared(null), FlowValue.Shared(null)];
        if (NodeFlow.AxisOf(flow.Node.Int("axis", -1), dims.Length) is not { } axis) return [flow.LacksAxis()];
        Size[] statistics = [.. dims[..axis], .. Enumerable.Repeat(Size.One, dims.Length - axis)];
        if (!flow[0].IsRows)
            return joined.IsRows
                ? [flow.Unclear("takes its parameters from the rows")]
                : [joined, FlowValue.Shared(statistics), FlowValue.Shared(statistics)];
        if (flow[0].Axis >= axis) return [.. Enumerable.Repeat(flow.Breaks("normalizes over the axis of the rows"), 3)];
        var spread = flow[0].Derive(statistics, flow[0].Axis).WithDoubt(joined.Doubt);
        return [flow[0].Derive(dims, flow[0].Axis).WithDoubt(joined.Doubt), spread, spread];
    }

    private static FlowValue[] Skip(NodeFlow flow)
    {
        var joined = Broadcasting.Join(flow, [.. flow.Given]);
        if (joined.IsBroken) return [joined, joined, joined, joined];
        if (joined.Dims is not { Length: > 0 } dims) return [joined, FlowValue.Shared(null), FlowValue.Shared(null), joined];
        if (joined.IsRows && joined.AxisFromEnd == 1) return [.. Enumerable.Repeat(flow.Breaks("normalizes over the axis of the rows"), 4)];
        var statistics = joined.Derive([.. dims[..^1], Size.One], joined.Axis);
        return [joined, statistics, statistics, joined];
    }

    private static FlowValue[] Embed(NodeFlow flow)
    {
        var ids = flow[0];
        if (!flow.Given.Any(static input => input.IsRows)) return [FlowValue.Shared(null), FlowValue.Shared(null), FlowValue.Shared(null)];
        if (flow.Inputs.Skip(2).Take(5).Any(static input => input is { IsRows: true }))
            return [.. Enumerable.Repeat(flow.Unclear("takes its tables from the rows"), 3)];
        if (ids is not { IsRows: true, Axis: 0, Dims: [var batch, var length] })
            return [.. Enumerable.Repeat(flow.MeetsFixedRows(), 3)];
        foreach (var index in (int[])[1, 7, 8])
        {
            if (flow.Find(index) is not { } beside
                || (index == 8 && beside is { Kind: FlowKind.Shared, Dims: [{ IsKnown: true, Factor: 1 }, _] })) continue;
            if (beside is not { IsRows: true, Axis: 0 })
                return [.. Enumerable.Repeat(flow.MeetsFixedRows(), 3)];
            if (beside.Outer != ids.Outer) return [.. Enumerable.Repeat(flow.MeetsOtherOrder(), 3)];
        }

        var width = flow.Find(2)?.Dims is [_, var columns] ? columns : flow.Symbols.Count();
        var embedded = ids.Derive([batch, length, width], 0);
        return [embedded, ids.Derive([batch], 0), embedded];
    }
}
