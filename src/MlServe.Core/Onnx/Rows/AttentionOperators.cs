namespace MlServe.Onnx.Rows;

/// <summary>Attention: within each sequence of a batch, if the batch is the first axis of all that belongs to it.</summary>
internal static class AttentionOperators
{
    public static void AddTo(OperatorTable table) => table
        .Add("Attention", new RowOperator(Fused, Required: 2), OperatorTable.Microsoft)
        .Add("QAttention", new RowOperator(Quantized, Required: 5), OperatorTable.Microsoft)
        .Add("MultiHeadAttention", new RowOperator(MultiHead), OperatorTable.Microsoft)
        .Add("GroupQueryAttention", new RowOperator(GroupQuery), OperatorTable.Microsoft)
        .Add("Attention", new RowOperator(Standard, Required: 3))
        .Add("RotaryEmbedding", new RowOperator(static flow =>
            [Rotate(flow, positions: 1, tables: [2, 3])], Required: 4), OperatorTable.Microsoft)
        .Add("RotaryEmbedding", new RowOperator(static flow => [Rotate(flow, positions: 3, tables: [1, 2])], Required: 3));

    private static FlowValue[] Fused(NodeFlow flow)
    {
        if (!HasRows(flow)) return Nothing();
        if (Check(flow, first: [0], second: [4], shared: [1, 2, 6], masks: [3], biases: [5]) is { } broken) return Every(broken);
        return Results(flow, pastIndex: 4);
    }

    private static FlowValue[] Quantized(NodeFlow flow)
    {
        if (!HasRows(flow)) return Nothing();
        if (Check(flow, first: [0], second: [8], shared: [1, 2, 3, 4, 6, 7], masks: [5], biases: []) is { } broken) return Every(broken);
        return Results(flow, pastIndex: 8);
    }

    private static FlowValue[] Results(NodeFlow flow, int pastIndex)
    {
        var rows = flow[0];
        if (rows.Rank != 3) return Every(flow.Unclear("takes a value that has not three axes"));
        var result = rows.Derive([rows.Dims![0], rows.Dims[1], flow.Symbols.Count()], 0);
        var past = flow.Find(pastIndex);
        var heads = past?.Dims is { Length: 5 } dims ? dims[2] : flow.Symbols.Count();
        var present = FlowValue.Rows([Size.Of(2), rows.Dims[0], heads, .. flow.NewDims(2)], 1, rows.Outer);
        return [result, present];
    }

    private static FlowValue[] MultiHead(NodeFlow flow)
    {
        if (!HasRows(flow)) return Nothing();
        if (Check(flow, first: [0, 1, 2, 6, 7], second: [], shared: [3, 8, 9], masks: [4], biases: [5]) is { } broken) return Every(broken);
        return ByHead(flow, 3);
    }

    private static FlowValue[] GroupQuery(NodeFlow flow)
    {
        if (!HasRows(flow)) return Nothing();
        if (Check(flow, first: [0, 1, 2, 3, 4, 5, 9], second: [], shared: [6, 7, 8, 11, 12, 13], masks: [], biases: [10]) is { } broken)
            return Every(broken);
        return ByHead(flow, 3);
    }

    private static FlowValue[] Standard(NodeFlow flow)
    {
        if (!HasRows(flow)) return Nothing();
        if (Check(flow, first: [0, 1, 2, 4, 5, 6], second: [], shared: [], masks: [], biases: [3]) is { } broken) return Every(broken);
        return flow[0].Rank is 3 or 4
            ? ByHead(flow, flow[0].Rank)
            : Every(flow.Unclear("takes a value that has neither three nor four axes"));
    }

    private static FlowValue[] ByHead(NodeFlow flow, int rank)
    {
        var batch = flow[0].Dims![0];
        var result = flow[0].Derive([batch, .. flow.NewDims(rank - 1)], 0);
        var cache = flow[0].Derive([batch, .. flow.NewDims(3)], 0);
        return [result, cache, cache, cache];
    }

    private static FlowValue Rotate(NodeFlow flow, int positions, int[] tables)
    {
        var value = flow[0];
        if (!HasRows(flow)) return FlowValue.Shared(value.Dims);
        if (value is not { IsRows: true, Axis: 0 }) return flow.MeetsFixedRows();
        foreach (var table in tables)
        {
            if (flow.Find(table) is { IsRows: true } own && (own.Axis != 0 || own.Outer != value.Outer))
                return flow.MeetsOtherOrder();
        }

        var isShared = tables.All(table => flow.Find(table) is { IsRows: false });
        if (flow.Find(positions) is not { } places)
            return isShared ? flow.Unclear("takes angles that may be those of a fixed number of rows") : value.Derive(value.Dims, 0);
        if (!isShared) return flow.Unclear("takes angles from the rows");
        if (places is { Kind: FlowKind.Shared, Dims: [{ IsKnown: true, Factor: 1 }] }) return value.Derive(value.Dims, 0);
        if (places is not { IsRows: true, Axis: 0, Rank: 2 })
            return flow.MeetsFixedRows();
        return places.Outer == value.Outer ? value.Derive(value.Dims, 0) : flow.MeetsOtherOrder();
    }

    /// <summary>Why the inputs do not keep rows apart; null if they do.</summary>
    /// <param name="flow">The node.</param>
    /// <param name="first">Inputs whose rows lie along the first axis.</param>
    /// <param name="second">Inputs whose rows lie along the second.</param>
    /// <param name="shared">Inputs that have no rows.</param>
    /// <param name="masks">Inputs whose rows lie along the first axis, or that have a 1 there.</param>
    /// <param name="biases">Inputs that are stretched to four axes, with rows along the first.</param>
    private static FlowValue? Check(NodeFlow flow, int[] first, int[] second, int[] shared, int[] masks, int[] biases)
    {
        var value = flow[0];
        if (!value.IsRows) return flow.MeetsFixedRows();
        for (var i = 0; i < flow.Inputs.Length; i++)
        {
            if (flow.Inputs[i] is not { } input || (shared.Contains(i) && !input.IsRows)) continue;
            if (shared.Contains(i)) return flow.Unclear("takes weights from the rows");
            if (masks.Contains(i) && input is { Kind: FlowKind.Shared, Dims: [{ IsKnown: true, Factor: 1 }, _, ..] }) continue;
            if (biases.Contains(i) && !input.IsRows)
            {
                if (Broadcasting.Stands(flow, input, 4) is { } broken) return broken;
                continue;
            }

            var axis = first.Contains(i) || masks.Contains(i) || (biases.Contains(i) && input.Rank == 4) ? 0 : second.Contains(i) ? 1 : -1;
            if (axis < 0) return flow.Unclear("has an input that is not understood");
            if (!input.IsRows) return flow.MeetsFixedRows();
            if (input.Axis != axis)
                return flow.Breaks("pairs each row with every other: its operands have their rows along different axes");
            if (input.Outer != value.Outer || (masks.Contains(i) && input.Rank == 1 && !input.Dims[0].Is(1)))
                return flow.MeetsOtherOrder();
        }

        return null;
    }

    private static bool HasRows(NodeFlow flow) => flow.Given.Any(static input => input.IsRows);

    private static FlowValue[] Every(FlowValue value) => [value, value, value, value];

    private static FlowValue[] Nothing() => Every(FlowValue.Shared(null));
}
