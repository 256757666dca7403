namespace MlServe.Onnx.Rows;

/// <summary>Quantization: harmless with scales that are fixed, or a row's own.</summary>
internal static class QuantizationOperators
{
    public static void AddTo(OperatorTable table) => table
        .Add(["QuantizeLinear", "DequantizeLinear"], static flow => Linear(flow), required: 2)
        .Add(["QuantizeLinear", "DequantizeLinear"], static flow => Linear(flow), required: 2, OperatorTable.Microsoft)
        .Add("DynamicQuantizeLinear", new RowOperator(Dynamic))
        .Add("DynamicQuantizeLinear", new RowOperator(Dynamic), OperatorTable.Microsoft)
        .Add(["DynamicQuantizeMatMul", "DynamicQuantizeLSTM"], new RowOperator(Dynamic), OperatorTable.Microsoft)
        .Add(["QLinearAdd", "QLinearMul"], static flow =>
            OfScales(flow, [1, 2, 4, 5, 6, 7], []) ?? Broadcasting.Join(flow, flow[0], flow[3]), required: 7, OperatorTable.Microsoft)
        .Add(["QLinearSigmoid", "QLinearLeakyRelu"], static flow =>
            OfScales(flow, [1, 2, 3, 4], []) ?? flow[0].Derive(), domain: OperatorTable.Microsoft)
        .Add("QLinearSoftmax", static flow => OfScales(flow, [1, 2, 3, 4], []) ?? Softmax(flow), domain: OperatorTable.Microsoft)
        .Add("QLinearReduceMean", static flow =>
            OfScales(flow, [1, 2, 3, 4], []) ?? ReductionOperators.OfAttributes(flow), domain: OperatorTable.Microsoft)
        .Add("QLinearConcat", static flow => Join(flow), required: 5, OperatorTable.Microsoft)
        .Add("QGemm", static flow => Gemm(flow), required: 6, OperatorTable.Microsoft);

    /// <summary>Why scales and zero points do not keep rows apart; null if they do.</summary>
    /// <param name="flow">The node.</param>
    /// <param name="single">Inputs that must be one number.</param>
    /// <param name="any">Inputs that may be several, one for a column of the weights say.</param>
    public static FlowValue? OfScales(NodeFlow flow, int[] single, int[] any)
    {
        foreach (var index in (int[])[.. single, .. any])
        {
            if (flow.Find(index) is not { } scale) continue;
            if (scale.IsRows) return flow.Unclear("takes a scale from the rows");
            if (single.Contains(index) && !IsSingle(scale) && flow.Given.Any(static input => input.IsRows))
                return flow.Unclear("takes scales that may be those of single rows");
        }

        return null;
    }

    private static bool IsSingle(FlowValue value) => value.Dims is { } dims && dims.All(static dim => dim.Is(1));

    private static FlowValue Linear(NodeFlow flow)
    {
        var value = flow[0];
        for (var i = 1; i < flow.Inputs.Length; i++)
        {
            if (flow.Inputs[i] is not { } scale || (!value.IsRows && !scale.IsRows) || (!scale.IsRows && IsSingle(scale))) continue;
            if (!value.IsRows) return flow.Unclear("takes a scale from the rows");
            if (scale.Rank != 1 || flow.Node.Int("block_size", 0) != 0) return flow.Unclear("takes scales whose shape is not understood");
            if (NodeFlow.AxisOf(flow.Node.Int("axis", 1), value.Rank) is not { } axis) return flow.LacksAxis();
            if (scale.IsRows != (axis == value.Axis)) return flow.Breaks("has scales along another axis than that of the rows");
            if (scale.IsRows && scale.Outer != value.Outer) return flow.MeetsOtherOrder();
        }

        return value.Derive();
    }

    private static FlowValue[] Dynamic(NodeFlow flow)
    {
        var result = flow.Given.Any(static input => input.IsRows)
            ? flow.Breaks("takes the scale of its integers over the whole batch")
            : FlowValue.Shared(null);
        return [result, result, result];
    }

    private static FlowValue Softmax(NodeFlow flow)
    {
        if (flow.Node.Int("opset", 0) >= 13) return ReductionOperators.Along(flow, flow.Node.Int("axis", -1), "normalizes over");
        if (!flow[0].IsRows) return flow[0].Derive();
        return NodeFlow.AxisOf(flow.Node.Int("axis", -1), flow[0].Rank) is { } first && flow[0].Axis < first
            ? flow[0].Derive()
            : flow.Breaks("normalizes over the axis of the rows");
    }

    /// <summary>After the scale and the zero point of the result, a value with its own for each operand.</summary>
    private static FlowValue Join(NodeFlow flow)
    {
        FlowValue[] values = [.. flow.Given.Where((_, i) => i >= 2 && i % 3 == 2)];
        if (flow.Given.Where((_, i) => i < 2 || i % 3 != 2).Any(static scale => scale.IsRows))
            return flow.Unclear("takes a scale from the rows");
        if (!Array.Exists(values, static value => value.IsRows)) return FlowValue.Shared(null);
        foreach (var value in values)
        {
            if (!value.IsRows) return flow.MeetsFixedRows();
            if (Broadcasting.Differ(flow, values[0], value) is { } broken) return broken;
            if (NodeFlow.AxisOf(flow.Node.Int("axis", 0), value.Rank) is not { } axis || value.Rank != values[0].Rank || axis == value.Axis)
                return flow.Unclear("puts the rows behind others");
        }

        var dims = flow.NewDims(values[0].Rank);
        dims[values[0].Axis] = values[0].Dims![values[0].Axis];
        return values[0].Derive(dims, values[0].Axis);
    }

    private static FlowValue Gemm(NodeFlow flow)
    {
        if (OfScales(flow, [1, 2, 7, 8], [4, 5]) is { } broken) return broken;
        if (flow[3].IsRows || flow.Find(6) is { IsRows: true }) return flow.Unclear("takes weights from the rows");
        if (flow[0].Dims is not { Length: 2 } || flow[3].Dims is not { Length: 2 } weights)
            return flow[0].IsRows ? flow.Unclear("multiplies values of unknown shape") : FlowValue.Shared(null);
        if (flow.Node.Int("transA", 0) != 0) return flow.Unclear("turns its rows");
        var right = flow.Node.Int("transB", 0) != 0 ? FlowValue.Shared([weights[1], weights[0]]) : flow[3];
        return MatrixOperators.WithBias(flow, MatrixOperators.Multiply(flow, flow[0], right), 6);
    }
}
