namespace MlServe.Onnx.Rows;

/// <summary>Recurrent layers: over time, each sequence of a batch by itself.</summary>
internal static class RecurrentOperators
{
    public static void AddTo(OperatorTable table) => table
        .Add(["LSTM", "GRU", "RNN"], new RowOperator(Follow, Required: 3));

    private static FlowValue[] Follow(NodeFlow flow)
    {
        var isBatchFirst = flow.Node.Int("layout", 0) != 0;
        var value = flow[0];
        if (!flow.Given.Any(static input => input.IsRows)) return Every(FlowValue.Shared(null));
        if (value is not { IsRows: true, Rank: 3 })
            return Every(flow.MeetsFixedRows());
        if (value.Axis != (isBatchFirst ? 0 : 1))
            return Every(flow.Breaks(value.Axis == 2 ? "sums over the axis of the rows" : "goes from row to row"));

        // W, R, B and the peepholes are weights; lengths and first states are the rows' own.
        foreach (var index in (int[])[1, 2, 3, 7])
        {
            if (flow.Find(index) is { IsRows: true }) return Every(flow.Unclear("takes weights from the rows"));
        }

        foreach (var (index, axis) in ((int, int)[])[(4, 0), (5, isBatchFirst ? 0 : 1), (6, isBatchFirst ? 0 : 1)])
        {
            if (flow.Find(index) is not { } beside) continue;
            if (beside is not { IsRows: true } || beside.Axis != axis)
                return Every(flow.MeetsFixedRows());
            if (beside.Outer != value.Outer) return Every(flow.MeetsOtherOrder());
        }

        var directions = Size.Of(flow.Node.Text("direction", "forward") == "bidirectional" ? 2 : 1);
        var hidden = flow.Node.Int("hidden_size", 0) is > 0 and var size ? Size.Of(size) : flow.Symbols.Count();
        var (time, batch) = isBatchFirst ? (value.Dims[1], value.Dims[0]) : (value.Dims[0], value.Dims[1]);
        var all = isBatchFirst ? value.Derive([batch, time, directions, hidden], 0) : value.Derive([time, directions, batch, hidden], 2);
        var last = isBatchFirst ? value.Derive([batch, directions, hidden], 0) : value.Derive([directions, batch, hidden], 1);
        return [all, last, last];
    }

    private static FlowValue[] Every(FlowValue value) => [value, value, value];
}
