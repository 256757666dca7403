using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Safety;

/// <content>Operators that make values of sizes which they are given as numbers.</content>
internal static partial class ShapeRules
{
    private static void AddGenerators(Dictionary<string, Action<NodeEstimate>> rules)
    {
        rules.Each("ConstantOfShape", static node =>
            node.Out(0, Estimate.Of(node.Node.Find("value")?.Tensor?.ElementType ?? OnnxElementType.Float, node.In(0).AsDims())));
        rules.Each(
            "ConstantFill", static node => node.Out(0, Estimate.Of(OnnxElementType.Float, node.Ints("shape") ?? node.In(0).AsDims())));
        rules.Each(
            "RandomNormal RandomUniform",
            static node => node.Out(0, Estimate.Of(TypeOf(node, "dtype", OnnxElementType.Float), node.Ints("shape"))));
        rules.Each("Range", static node =>
        {
            if (node.In(0).Numbers is not [var start] || node.In(1).Numbers is not [var limit]) return;
            var step = node.Has(2) ? node.In(2).Numbers is [var given] ? given : double.NaN : 1;
            var count = Math.Ceiling((limit - start) / step);
            node.Out(0, Estimate.Of(node.In(0).Type, [double.IsNaN(count) ? Estimate.Free : Math.Max(0, Estimate.ToSize(count))]));
        });
        rules.Each("OneHot", static node =>
        {
            if (node.In(0).Dims is not { } dims) return;
            var depth = node.In(1).Numbers is [var given] && !double.IsNaN(given) ? Math.Max(0, Estimate.ToSize(given)) : Estimate.Free;
            var axis = NodeEstimate.Axis(node.Int("axis", -1), dims.Length + 1) ?? dims.Length;
            node.Out(0, Estimate.Of(node.In(2).Type, [.. dims[..axis], depth, .. dims[axis..]]));
        });
        rules.Each("OneHotEncoder", static node =>
        {
            if (node.In(0).Dims is { } dims)
                node.Out(
                    0,
                    Estimate.Of(
                        OnnxElementType.Float,
                        [.. dims, (node.Node.Find("cats_int64s") ?? node.Node.Find("cats_strings"))?.Count ?? Estimate.Free]));
        });
        rules.Each("Multinomial", static node =>
            node.Out(
                0,
                Estimate.Of(
                    TypeOf(node, "dtype", OnnxElementType.Int32),
                    [node.In(0).Dims is [var rows, ..] ? rows : Estimate.Free, node.Int("sample_size", 1)])));
        rules.Each("HannWindow HammingWindow BlackmanWindow", static node =>
            node.Out(
                0,
                Estimate.Of(
                    TypeOf(node, "output_datatype", OnnxElementType.Float),
                    node.In(0).Numbers is [var size] && !double.IsNaN(size) ? [Math.Max(0, Estimate.ToSize(size))] : null)));
        rules.Each("MelWeightMatrix", static node =>
        {
            if (node.In(0).Numbers is not [var bins] || node.In(1).Numbers is not [var length] || double.IsNaN(bins + length)) return;
            node.Out(
                0,
                Estimate.Of(
                    TypeOf(node, "output_datatype", OnnxElementType.Float),
                    [Math.Max(0, Estimate.ToSize(Math.Floor(length / 2) + 1)), Math.Max(0, Estimate.ToSize(bins))]));
        });
        rules.Each("AffineGrid", static node =>
        {
            if (node.In(1).AsDims() is not [var rows, _, .. var sizes]) return;
            node.Out([rows, .. sizes, sizes.Length]);
        });
        rules.Each("TfIdfVectorizer", static node =>
        {
            var largest = node.Ints("ngram_indexes") is { Length: > 0 } indexes ? indexes.Max() : Estimate.Free;
            node.Out(
                0,
                Estimate.Of(
                    OnnxElementType.Float,
                    [.. node.In(0).Dims is [.. var outer, _] ? outer : [], largest < 0 ? Estimate.Free : Plus(largest, 1)]));
        });
        rules.Each("Shape", static node => node.Out(0, Estimate.Of(OnnxElementType.Int64, [node.In(0).Rank ?? Estimate.Free])));
        rules.Each("Size", static node => node.Out(0, Estimate.Of(OnnxElementType.Int64, [])));
    }
}
