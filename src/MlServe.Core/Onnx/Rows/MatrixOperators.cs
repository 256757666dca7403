namespace MlServe.Onnx.Rows;

/// <summary>Products of matrices.</summary>
internal static class MatrixOperators
{
    public static void AddTo(OperatorTable table) => table
        .Add("MatMul", static flow => Multiply(flow, flow[0], flow[1]), required: 2)
        .Add("Gemm", static flow => Gemm(flow), required: 2)
        .Add("FusedGemm", static flow => Gemm(flow), required: 2, OperatorTable.Microsoft)
        .Add("GemmFastGelu", static flow => WithBias(flow, Multiply(flow, flow[0], flow[1]), 2), required: 2, OperatorTable.Microsoft)
        .Add("FusedMatMul", static flow => Fused(flow), required: 2, OperatorTable.Microsoft)
        .Add("TransposeMatMul", static flow => Fused(flow), required: 2, OperatorTable.Microsoft)
        .Add("FusedMatMulActivation", static flow => Fused(flow), required: 2, OperatorTable.Microsoft)
        .Add("MatMulInteger", static flow =>
            QuantizationOperators.OfScales(flow, [2], [3]) ?? Multiply(flow, flow[0], flow[1]), required: 2)
        .Add("MatMulInteger16", static flow => Multiply(flow, flow[0], flow[1]), required: 2, OperatorTable.Microsoft)
        .Add("MatMulIntegerToFloat", static flow =>
            QuantizationOperators.OfScales(flow, [2, 4], [3, 5]) ?? WithBias(flow, Multiply(flow, flow[0], flow[1]), 6), required: 4,
            OperatorTable.Microsoft)
        .Add("QLinearMatMul", static flow =>
            QuantizationOperators.OfScales(flow, [1, 2, 6, 7], [4, 5]) ?? Multiply(flow, flow[0], flow[3]), required: 8)
        .Add(["MatMulNBits", "MatMulBnb4", "MatMulFpQ4"], static flow => Packed(flow), required: 2, OperatorTable.Microsoft)
        .Add("Einsum", static flow => Einsum.Follow(flow))
        .Add(["Det", "Inverse"], static flow => OfSquares(flow))
        .Add("Inverse", static flow => OfSquares(flow), domain: OperatorTable.Microsoft);

    /// <summary>A product as MatMul defines it: of the last two axes, the others side by side.</summary>
    public static FlowValue Multiply(NodeFlow flow, FlowValue left, FlowValue right)
    {
        var hasRows = left.IsRows || right.IsRows;
        if (left.Dims is null || right.Dims is null)
            return hasRows ? flow.Unclear("multiplies the rows with a value of unknown shape") : FlowValue.Shared(null);
        if (left.Rank == 0 || right.Rank == 0) return flow.Unclear("multiplies a scalar");

        // What has one axis gets another of 1, which is dropped again.
        var (a, b) = (left.Rank == 1 ? Raise(left, 0) : left, right.Rank == 1 ? Raise(right, 1) : right);
        var batch = Broadcasting.Combine(flow.Symbols, a.Dims!.AsSpan(0, a.Rank - 2), b.Dims!.AsSpan(0, b.Rank - 2));
        Size[] dims = [.. batch, a.Dims![^2], b.Dims![^1]];
        if (!hasRows) return Lower(flow, FlowValue.Shared(dims), left.Rank == 1, right.Rank == 1);

        if (a.IsRows && a.AxisFromEnd == 1 || b.IsRows && b.AxisFromEnd == 2) return flow.Breaks("sums over the axis of the rows");
        if (a.IsRows && b.IsRows)
        {
            if (a.AxisFromEnd == 2 || b.AxisFromEnd == 1) return flow.Breaks("multiplies the rows of the batch with each other");
            if (Broadcasting.Differ(flow, a, b) is { } differ) return differ;
        }

        var rows = a.IsRows ? a : b;
        var other = a.IsRows ? b : a;
        if (!other.IsRows && rows.AxisFromEnd > 2 && Broadcasting.Stands(flow, other, rows.AxisFromEnd) is { } stands) return stands;
        dims[^rows.AxisFromEnd] = Broadcasting.Combine(flow.Symbols, rows.Dims![rows.Axis], dims[^rows.AxisFromEnd]);
        return Lower(flow, FlowValue.Rows(dims, dims.Length - rows.AxisFromEnd, rows.Outer), left.Rank == 1, right.Rank == 1);
    }

    /// <summary>A bias that is added to the last axes.</summary>
    public static FlowValue WithBias(NodeFlow flow, FlowValue product, int index) =>
        product.IsBroken || flow.Find(index) is not { } bias ? product : Broadcasting.Join(flow, product, bias);

    private static FlowValue Raise(FlowValue value, int at) =>
        at == 0 ? value.Derive([Size.One, value.Dims![0]], 1) : value.Derive([value.Dims![0], Size.One], 0);

    private static FlowValue Lower(NodeFlow flow, FlowValue product, bool dropsFirst, bool dropsLast)
    {
        var dims = product.Dims!.ToList();
        var axis = product.Axis;
        if (dropsLast) dims.RemoveAt(dims.Count - 1);
        if (!dropsFirst) return product.Derive([.. dims], axis);
        var at = product.Rank - 2;
        if (product.IsRows && (axis == at || axis >= dims.Count)) return flow.Unclear("multiplies a vector of rows");
        dims.RemoveAt(at);
        return product.Derive([.. dims], axis > at ? axis - 1 : axis);
    }

    private static FlowValue Gemm(NodeFlow flow)
    {
        if (flow[0].Dims is not { Length: 2 } || flow[1].Dims is not { Length: 2 })
            return flow.Given.Any(static input => input.IsRows)
                ? flow.Unclear("multiplies values of unknown shape")
                : FlowValue.Shared(null);
        var left = flow.Node.Int("transA", 0) != 0 ? Turn(flow[0]) : flow[0];
        var right = flow.Node.Int("transB", 0) != 0 ? Turn(flow[1]) : flow[1];
        return WithBias(flow, Multiply(flow, left, right), 2);
    }

    private static FlowValue Fused(NodeFlow flow)
    {
        if (flow.Node.Int("transBatchA", 0) != 0 || flow.Node.Int("transBatchB", 0) != 0)
            return flow.Unclear("turns the axes of its operands");
        var left = flow.Node.Int("transA", 0) != 0 && flow[0].Rank > 1 ? Turn(flow[0]) : flow[0];
        var right = flow.Node.Int("transB", 0) != 0 && flow[1].Rank > 1 ? Turn(flow[1]) : flow[1];
        return Multiply(flow, left, right);
    }

    private static FlowValue Turn(FlowValue value)
    {
        Size[] dims = [.. value.Dims![..^2], value.Dims[^1], value.Dims[^2]];
        return value.Derive(dims, value.AxisFromEnd switch { 1 => value.Rank - 2, 2 => value.Rank - 1, _ => value.Axis });
    }

    /// <summary>A product with weights that are packed: N is their number of columns.</summary>
    private static FlowValue Packed(NodeFlow flow)
    {
        if (flow.Given.Skip(1).Any(static input => input.IsRows)) return flow.Unclear("takes weights from the rows");
        if (flow[0].Dims is not { } dims) return FlowValue.Shared(null);
        if (flow[0].IsRows && flow[0].AxisFromEnd == 1) return flow.Breaks("sums over the axis of the rows");
        var width = flow.Node.Int("N", -1);
        return flow[0].Derive([.. dims[..^1], width > 0 ? Size.Of(width) : flow.Symbols.Count()], flow[0].Axis);
    }

    private static FlowValue OfSquares(NodeFlow flow)
    {
        if (flow[0].Dims is not { Length: >= 2 } dims)
            return flow[0].IsRows ? flow.Unclear("takes a matrix of fewer than two axes") : FlowValue.Shared(null);
        if (flow[0].IsRows && flow[0].AxisFromEnd <= 2) return flow.Breaks("goes over the axis of the rows");
        return flow[0].Derive(flow.Node.OpType == "Det" ? dims[..^2] : dims, flow[0].Axis);
    }
}
