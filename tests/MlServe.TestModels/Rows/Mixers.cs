namespace MlServe.TestModels;

/// <summary>Ways in which rows reach each other always: [B, width] to the same.</summary>
internal static class Mixers
{
    public static readonly (string Name, Func<Sketch, string, int, string> Make)[] All =
    [
        ("less the mean of the batch", static (s, x, _) => s.Node("Sub", [x, s.Reduce("ReduceMean", x, keeps: true, 0)])),
        ("by the largest of the batch",
            static (s, x, _) =>
                s.Node("Div", [x, s.Node("Add", [s.ReduceAll("ReduceMax", s.Node("Abs", [x]), keeps: true), s.Scalar(0.1f)])])),
        ("by the deviation of the batch",
            static (s, x, _) =>
                s.Node(
                    "Div",
                    [x, s.Node(
                        "Sqrt", [s.Node("Add", [s.Reduce("ReduceMean", s.Node("Mul", [x, x]), keeps: true, 0), s.Scalar(0.01f)])])])),
        ("softmax over the batch",
            static (s, x, _) => s.Opset >= 13 ? s.Node("Softmax", [x], ("axis", 0L)) : s.Node("Softmax", [x], ("axis", 0L))),
        ("softmax over everything", static (s, x, w) => s.Reshape(s.Node("Softmax", [s.Reshape(x, 1, -1)], ("axis", 1L)), -1, w)),
        ("attention over the batch",
            static (s, x, _) => s.Node("MatMul", [s.Node("Softmax", [s.Node("MatMul", [x, s.Transpose(x, 1, 0)])], ("axis", 1L)), x])),
        ("running sum over the batch", static (s, x, _) => s.Node("CumSum", [x, s.Scalar(0L)])),
        ("dynamic quantization",
            static (s, x, _) => s.Nodes("DynamicQuantizeLinear", [x], 3) is [var y, var scale, var zero]
                ? s.Node("DequantizeLinear", [y, scale, zero])
                : ""),
        ("quantization by the batch's range",
            static (s, x, _) => s.Node("Div", [s.ReduceAll("ReduceMax", s.Node("Abs", [x]), keeps: false), s.Scalar(12f)]) is var scale
            ? s.Node("Mul", [s.Node("Round", [s.Node("Div", [x, scale])]), scale]) : ""),
        ("training mode", static (s, x, w) => s.Opset >= 14
            ? s.Nodes(
                "BatchNormalization",
                [x, s.Constant(Enumerable.Repeat(1f, w).ToArray(), w), s.Weights(0.1f, w), s.Weights(0.1f, w),
                    s.Constant(Enumerable.Repeat(1f, w).ToArray(), w)], 3, ("training_mode", 1))[0]
            : s.Node("Sub", [x, s.Reduce("ReduceMax", x, keeps: true, 0)])),
        ("normal over batch and width", static (s, x, _) => s.IsInFunction ? s.Node("Sub", [x, s.ReduceAll("ReduceMean", x, keeps: false)])
            : s.Squeeze(s.Node("MeanVarianceNormalization", [s.Unsqueeze(x, 2, 3)]), 2, 3)),
        ("length of the columns", static (s, x, _) => s.Node("LpNormalization", [x], ("axis", 0L), ("p", 2))),
        ("batch as an image",
            static (s, x, _) =>
                s.Squeeze(s.Node("InstanceNormalization", [s.Unsqueeze(x, 0, 1), s.Constant([1f], 1), s.Constant([0f], 1)]), 0, 1)),
        ("place in the batch",
            static (s, x, _) => s.Node("Add", [x, s.Unsqueeze(s.Node("Cast", [Rows(s, x)], ("to", OnnxModel.Float)), 1)])),
        ("table by the place in the batch",
            static (s, x, w) => s.Node("Add", [x, s.Node("Gather", [s.Weights(1, 64, w), Rows(s, x)], ("axis", 0))])),
        ("by the number of rows", static (s, x, _) => s.Node("Div", [x, Count(s, x)])),
        ("more than five rows",
            static (s, x, _) =>
                s.Node("Mul", [x, s.Node("Where", [s.Node("Greater", [Count(s, x), s.Scalar(5f)]), s.Scalar(2f), s.Scalar(1f)])])),
        ("odd number of rows",
            static (s, x, _) =>
                s.Node("Mul", [x, s.Node("Cast", [s.Node("Mod", [s.Squeeze(s.SizeOf(x, 0), 0), s.Scalar(4L)])], ("to", OnnxModel.Float))])),
        ("less the first row", static (s, x, _) => s.Node("Sub", [x, s.Slice(s.Node("Mul", [x, s.Scalar(0.5f)]), 0, 0, 1)])),
        ("less the last row",
            static (s, x, _) =>
                s.Node("Sub", [s.Node("Mul", [x, s.Scalar(2f)]), s.Node("Gather", [x, s.Constant([-1L], 1)], ("axis", 0))])),
        ("turned round", static (s, x, _) => s.Node("Slice", [x, s.List(-1), s.List(-int.MaxValue), s.List(0), s.List(-1)])),
        ("sorted", static (s, x, w) => s.Transpose(s.Nodes("TopK", [s.Transpose(x, 1, 0), s.SizeOf(x, 0)], 2, ("axis", 1L))[0], 1, 0)),
        ("random", static (s, x, _) => s.Node("Add", [x, s.Node("RandomNormalLike", [x], ("scale", 0.2f))])),
        ("dropout in training", static (s, x, _) => s.IsInFunction ? s.Node("Add", [x, s.Node("RandomUniformLike", [x])])
            : s.Node("Dropout", [x, s.Scalar(0.5f), s.True()])),
        ("attention over the wrong axis", static (s, x, w) => s.Reshape(x, -1, 2, w / 2) is var y
            ? s.Reshape(
                s.Transpose(
                    s.Node(
                        "MatMul",
                        [s.Node(
                            "Softmax", [s.Node("MatMul", [s.Transpose(y, 1, 0, 2), s.Transpose(y, 1, 2, 0)])],
                            ("axis", s.Opset >= 13 ? -1L : 2L)), s.Transpose(y, 1, 0, 2)]), 1, 0, 2), -1, w) : ""),
        ("recurrence over the wrong axis",
            static (s, x, w) =>
                s.Reshape(
                    s.Node(
                        "GRU", [s.Reshape(x, -1, 2, w / 2), s.Weights(0.5f, 1, 3 * w / 2, w / 2), s.Weights(0.9f, 1, 3 * w / 2, w / 2)],
                        ("hidden_size", w / 2)), -1, w)),
        ("image of the whole batch",
            static (s, x, w) =>
                s.Reshape(
                    s.Node(
                        "Conv", [s.Reshape(x, 1, 1, -1, w), s.Weights(1, 1, 1, 3, 3)], ("kernel_shape", new long[] { 3, 3 }),
                        ("pads", new long[] { 1, 1, 1, 1 })), -1, w)),
        ("diagonal of the batch", static (s, x, _) => s.Node("Add", [x, s.Node("EyeLike", [x])])),
        ("triangle of the batch",
            static (s, x, _) =>
                s.Node(
                    "Sub",
                    [x, s.Opset >= 14 ? s.Node("Trilu", [s.Node("Mul", [x, s.Scalar(0.5f)])], ("upper", 0)) : s.Node("EyeLike", [x])])),
        ("average with the neighbours",
            static (s, x, _) =>
                s.Transpose(
                    s.Squeeze(
                        s.Node(
                            "AveragePool", [s.Unsqueeze(s.Transpose(x, 1, 0), 0)], ("kernel_shape", new long[] { 3 }),
                            ("pads", new long[] { 1, 1 })), 0), 1, 0)),
        ("normal layer over everything", static (s, x, w) => s.Opset >= 17
            ? s.Reshape(s.Node("InstanceNormalization", [s.Reshape(x, 1, 1, -1), s.Constant([1f], 1), s.Constant([0f], 1)]), -1, w)
            : s.Node("Sub", [x, s.ReduceAll("ReduceMean", x, keeps: true)])),
        ("products by an equation",
            static (s, x, _) => s.Node("Einsum", [s.Node("Einsum", [x, x], ("equation", "bi,ci->bc")), x], ("equation", "bc,ci->bi"))),
        ("best row of each column",
            static (s, x, _) =>
                s.Node("Sub", [x, s.Node("Cast", [s.Node("ArgMax", [x], ("axis", 0L), ("keepdims", 1))], ("to", OnnxModel.Float))])),
        ("one-hot of the columns",
            static (s, x, _) => s.Opset >= 13
                ? s.Node("Add", [x, s.Node("Hardmax", [x], ("axis", 0L))])
                : s.Node(
                    "Add",
                    [x, s.Node("Hardmax", [s.Reshape(x, 1, -1)], ("axis", 1L)) is var y
                        ? s.Node("Reshape", [y, s.Node("Shape", [x])])
                        : ""])),
        ("wrong way of folding", static (s, x, w) => s.Transpose(s.Reshape(x, w, -1), 1, 0)),
        ("other row's element",
            static (s, x, _) =>
                s.Node(
                    "Add",
                    [x, s.Node(
                        "GatherElements",
                        [x, s.Node("Sub", [s.Node("Expand", [s.Unsqueeze(Rows(s, x), 1), s.Node("Shape", [x])]), s.Scalar(1L)])],
                        ("axis", 0L))])),
    ];

    /// <summary>0, 1, 2 and so on, as many as there are rows.</summary>
    private static string Rows(Sketch s, string x) => s.Node("Range", [s.Scalar(0L), s.Squeeze(s.SizeOf(x, 0), 0), s.Scalar(1L)]);

    private static string Count(Sketch s, string x) => s.Node("Cast", [s.Squeeze(s.SizeOf(x, 0), 0)], ("to", OnnxModel.Float));
}
