namespace MlServe.Onnx.Rows;

/// <summary>Operators that answer differently each time.</summary>
internal static class RandomOperators
{
    public static void AddTo(OperatorTable table) => table
        .Add(["RandomNormal", "RandomUniform"], new RowOperator(static flow => [flow.Breaks("is random")], Required: 0, TakesCounts: true))
        .Add(["RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli"], new RowOperator(static flow =>
            [flow.Breaks("is random")], TakesCounts: true))
        .Add("Dropout", new RowOperator(Drop))
        .Add("Sampling", new RowOperator(static flow => [flow.Breaks("is random"), flow.Breaks("is random")]), OperatorTable.Microsoft)
        .Add("BiasDropout", new RowOperator(DropWithBias, Required: 2), OperatorTable.Microsoft)
        .Add(["BitmaskDropout", "BitmaskBiasDropout"], new RowOperator(static flow =>
            [flow.Unclear("may be random"), flow.Unclear("may be random")]), OperatorTable.Microsoft);

    private static FlowValue[] Drop(NodeFlow flow)
    {
        if (IsTraining(flow, 2))
            return [flow.Breaks("is in training mode: it is random"), flow.Breaks("is in training mode: it is random")];
        var same = flow[0].Derive();
        return [same, same];
    }

    private static FlowValue[] DropWithBias(NodeFlow flow)
    {
        if (IsTraining(flow, 4))
            return [flow.Breaks("is in training mode: it is random"), flow.Breaks("is in training mode: it is random")];
        FlowValue[] operands = flow.Find(2) is { } residual ? [flow[0], flow[1], residual] : [flow[0], flow[1]];
        var joined = Broadcasting.Join(flow, operands);
        return [joined, joined];
    }

    private static bool IsTraining(NodeFlow flow, int index) => flow.Find(index) is not null && flow.Constants(index) is not [0];
}
