using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Safety;

/// <content>Products, which can be far larger than what goes into them.</content>
internal static partial class ShapeRules
{
    private static void AddProducts(Dictionary<string, Action<NodeEstimate>> rules)
    {
        rules.Each(
            "MatMul FusedMatMul TransposeMatMul",
            static node => node.Out(Product(node.In(0).Dims, node.In(1).Dims, node.Int("transA", 0) != 0, node.Int("transB", 0) != 0)));
        rules.Each(
            "MatMulInteger",
            static node => node.Out(0, Estimate.Of(OnnxElementType.Int32, Product(node.In(0).Dims, node.In(1).Dims, false, false))));
        rules.Each("QLinearMatMul", static node => node.Out(Product(node.In(0).Dims, node.In(3).Dims, false, false)));
        rules.Each(
            "Gemm FusedGemm",
            static node => node.Out(Product(node.In(0).Dims, node.In(1).Dims, node.Int("transA", 0) != 0, node.Int("transB", 0) != 0)));
        rules.Each(
            "MatMulNBits", static node => node.Out(node.In(0).Dims is [.. var outer, _] ? [.. outer, node.Int("N", Estimate.Free)] : null));
        rules.Each("Einsum", static node => node.Out(Contracted(node)));
        rules.Each("Attention MultiHeadAttention", static node => AddScores(node));
    }

    private static long[]? Product(long[]? left, long[]? right, bool isLeftTurned, bool isRightTurned)
    {
        // Of one that is not known, the other's free side is left.
        if (left is null && right is null) return null;
        if (left is [] or [_] || right is [] or [_]) return null;
        var rows = left is null ? Estimate.Free : isLeftTurned ? left[^1] : left[^2];
        var columns = right is null ? Estimate.Free : isRightTurned ? right[^2] : right[^1];
        return [.. Stretch(left?[..^2] ?? [], right?[..^2] ?? []), rows, columns];
    }

    private static long[]? Contracted(NodeEstimate node)
    {
        var equation = node.Node.Text("equation", "").Replace(" ", "", StringComparison.Ordinal);
        var arrow = equation.IndexOf("->", StringComparison.Ordinal);
        if (equation.Contains('.', StringComparison.Ordinal)) return null;
        var terms = (arrow < 0 ? equation : equation[..arrow]).Split(',');
        var sizes = new Dictionary<char, long>();
        for (var i = 0; i < terms.Length; i++)
        {
            if (node.In(i).Dims is not { } dims || dims.Length != terms[i].Length) continue;
            for (var axis = 0; axis < dims.Length; axis++)
                sizes[terms[i][axis]] = Math.Max(sizes.GetValueOrDefault(terms[i][axis], Estimate.Free), dims[axis]);
        }

        var letters = string.Concat(terms);
        var output = arrow >= 0
            ? equation[(arrow + 2)..]
            : string.Concat(letters.Distinct().Where(letter => letters.Count(other => other == letter) == 1).Order());
        return [.. output.Select(letter => sizes.GetValueOrDefault(letter, Estimate.Free))];
    }

    /// <summary>Each position is held against each other one: that takes far more than the inputs and outputs.</summary>
    private static void AddScores(NodeEstimate node)
    {
        node.Out(node.In(0).Dims);
        if (node.In(0).Dims is not [var rows, .., var length, _]) return;
        var others = node.Node.IsStandard || node.Node.OpType == "MultiHeadAttention"
            ? node.In(1).Dims is [_, .., var keys, _] ? keys : length
            : length;
        var heads = node.In(0).Dims is [_, var given, _, _] ? given : Math.Max(node.Int("num_heads", 1), node.Int("q_num_heads", 1));
        node.Scratch = Estimate.CountOf([rows, Math.Clamp(heads, 1, 65_536), length, others]) * Estimate.WidthOf(node.In(0).Type);
    }
}
