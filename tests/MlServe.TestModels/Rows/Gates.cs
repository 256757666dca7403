namespace MlServe.TestModels;

/// <summary>
/// Ways in which one row can reach another only if one of its elements is beyond 1 (the threshold, once the model has scaled its input):
/// each gives 0 for quiet rows, and something else for a row beside a loud one, as one number, one of each column, or one of each row.
/// </summary>
internal static class Gates
{
    public static readonly (string Name, Func<Sketch, string, int, string> Make)[] All =
    [
        ("maximum of all", static (s, x, _) => Beyond(s, s.ReduceAll("ReduceMax", s.Node("Abs", [x]), keeps: false))),
        ("maximum of the columns", static (s, x, _) => Beyond(s, s.Reduce("ReduceMax", s.Node("Abs", [x]), keeps: true, 0))),
        ("count of all", static (s, x, _) => s.Node("Min", [s.ReduceAll("ReduceSum", Louds(s, x), keeps: true), s.Scalar(1f)])),
        ("sum over the rows, then the largest",
            static (s, x, _) => s.ReduceAll("ReduceMax", s.Reduce("ReduceSum", Louds(s, x), keeps: true, 0), keeps: false)),
        ("largest of a list",
            static (s, x, _) => Beyond(s, s.Nodes("TopK", [s.Reshape(s.Node("Abs", [x]), -1), s.List(1)], 2, ("axis", 0L))[0])),
        ("running sum over the rows",
            static (s, x, _) => s.Reduce("ReduceMax", s.Node("CumSum", [Louds(s, x), s.Scalar(0L)]), keeps: true, 1)),
        ("pool over everything", static (s, x, _) => s.Reshape(s.Node("GlobalMaxPool", [s.Reshape(Louds(s, x), 1, 1, -1)]), 1, 1)),
        ("how many are not zero",
            static (s, x, _) =>
                s.Node(
                    "Min",
                    [s.Node("Cast", [s.Slice(s.Node("Shape", [s.Node("NonZero", [Louds(s, x)])]), 0, 1, 2)], ("to", OnnxModel.Float)),
                        s.Scalar(1f)])),
        ("product with ones",
            static (s, x, _) =>
                s.Node(
                    "MatMul",
                    [s.Node(
                        "ConstantOfShape", [s.Node("Concat", [s.List(1), s.SizeOf(x, 0)], ("axis", 0))],
                        ("value", OnnxModel.Value([1f], 1))), Louds(s, x)])),
        ("sum by an equation", static (s, x, _) => s.Unsqueeze(s.Node("Einsum", [Louds(s, x)], ("equation", "bi->i")), 0)),
        ("products of the rows with each other",
            static (s, x, _) =>
                s.Reduce(
                    "ReduceMax", s.Node("MatMul", [s.Transpose(Louds(s, x), 1, 0), s.Node("Add", [Louds(s, x), s.Scalar(0.1f)])]),
                    keeps: false, 0)),
        ("choice by all rows", Choose),
        ("loop as often as all rows say", Loop),
        ("different values",
            static (s, x, _) =>
                s.Node(
                    "Sub", [s.Node("Cast", [s.Node("Size", [s.Node("Unique", [Louds(s, x)])])], ("to", OnnxModel.Float)), s.Scalar(1f)])),
        ("not a number anywhere",
            static (s, x, _) => s.ReduceAll("ReduceMax", s.Node("Cast", [s.Node("IsNaN", [x])], ("to", OnnxModel.Float)), keeps: true)),
        ("infinite anywhere",
            static (s, x, _) => s.ReduceAll("ReduceMax", s.Node("Cast", [s.Node("IsInf", [x])], ("to", OnnxModel.Float)), keeps: true)),
        ("largest row's place",
            static (s, x, _) =>
                Beyond(
                    s,
                    s.Reduce(
                        "ReduceMax",
                        s.Node(
                            "Gather",
                            [s.Node("Abs", [x]),
                                s.Node(
                                    "ArgMax", [s.Reduce("ReduceMax", s.Node("Abs", [x]), keeps: false, 1)], ("axis", 0L), ("keepdims", 0))],
                            ("axis", 0)), keeps: true, -1))),
        ("the row behind",
            static (s, x, _) => s.Node("Concat", [s.Slice(Louds(s, x), 0, 1, int.MaxValue), s.Slice(Louds(s, x), 0, 0, 1)], ("axis", 0))),
        ("convolution over the rows",
            static (s, x, w) =>
                s.Transpose(
                    s.Squeeze(
                        s.Node(
                            "Conv", [s.Unsqueeze(s.Transpose(Louds(s, x), 1, 0), 0), s.Weights(1, w, 1, 5)],
                            ("kernel_shape", new long[] { 5 }), ("pads", new long[] { 4, 4 }), ("group", w)), 0), 1, 0) is var y
                    ? s.ReduceAll("ReduceMax", y, keeps: true)
                    : ""),
        ("recurrence from row to row",
            static (s, x, w) =>
                s.Reduce(
                    "ReduceMax",
                    s.Reshape(
                        s.Node(
                            "RNN",
                            [s.Unsqueeze(Louds(s, x), 1), s.Constant(Enumerable.Repeat(1f, w * w).ToArray(), 1, w, w),
                                s.Constant(Enumerable.Repeat(1f, w * w).ToArray(), 1, w, w)], ("hidden_size", w)), -1, w), keeps: true, 1)),
        ("scan from row to row", Scan),
        ("dynamic scale",
            static (s, x, _) => Beyond(s, s.Node("Mul", [s.Nodes("DynamicQuantizeLinear", [s.Node("Abs", [x])], 3)[1], s.Scalar(255f)]))),
        ("those that are taken",
            static (s, x, _) =>
                s.Node(
                    "Min",
                    [s.Node(
                        "Cast",
                        [s.Node(
                            "Size",
                            [s.Node(
                                "Compress", [s.Reshape(x, -1), s.Reshape(s.Node("Greater", [s.Node("Abs", [x]), s.Scalar(1f)]), -1)])])],
                        ("to", OnnxModel.Float)), s.Scalar(1f)])),
        ("written into one value",
            static (s, x, w) =>
                s.Node(
                    "ScatterND",
                    [s.Constant(new float[1], 1),
                        s.Node(
                            "ConstantOfShape", [s.Node("Concat", [s.SizeOf(x, 0), s.List(1)], ("axis", 0))],
                            ("value", OnnxModel.Value([0L], 1))), s.Reduce("ReduceMax", Louds(s, x), keeps: false, 1)]) is var y
                    ? s.Node("Add", [y, s.ReduceAll("ReduceMax", Louds(s, x), keeps: false)])
                    : ""),
        ("merged into one row", static (s, x, _) => s.Reduce("ReduceMax", s.Reshape(Louds(s, x), 1, -1), keeps: true, 1)),
        ("sum of squares",
            static (s, x, _) =>
                s.ReduceAll("ReduceSumSquare", s.Node("Relu", [s.Node("Sub", [s.Node("Abs", [x]), s.Scalar(1f)])]), keeps: true) is var y
                    ? s.Node("Min", [y, s.Scalar(1f)])
                    : ""),
        ("softmax over the rows",
            static (s, x, w) =>
                s.Reduce(
                    "ReduceMax",
                    s.Node(
                        "Sub",
                        [Louds(s, x),
                            s.Node(
                                "Mul",
                                [Louds(s, x),
                                    s.Transpose(
                                        s.Node("Softmax", [s.Transpose(s.Node("Mul", [Louds(s, x), s.Scalar(9f)]), 1, 0)], ("axis", 1L)), 1,
                                        0)])]), keeps: true, 0)),
        ("mean over the rows", static (s, x, _) => s.Reduce("ReduceMean", Louds(s, x), keeps: true, 0)),
        ("batch as channels",
            static (s, x, _) =>
                s.Reshape(s.Node("LRN", [s.Unsqueeze(s.Unsqueeze(Louds(s, x), 0), 3)], ("size", 9), ("alpha", 5f)), 0, -1) is var y
                    ? s.Node("Sub", [s.ReduceAll("ReduceMax", y, keeps: true), s.ReduceAll("ReduceMin", y, keeps: true)])
                    : ""),
        ("length of all rows", static (s, x, _) => s.Node("Min", [s.ReduceAll("ReduceL2", Louds(s, x), keeps: true), s.Scalar(1f)])),
    ];

    public static readonly (string Name, Func<Sketch, string, int, string> Make)[] OfNumbers =
        [.. All.Where(static gate => !gate.Name.StartsWith("not a number", StringComparison.Ordinal)
            && !gate.Name.StartsWith("infinite", StringComparison.Ordinal))];

    /// <summary>1 where an element is loud.</summary>
    private static string Louds(Sketch s, string x) =>
        s.Node("Cast", [s.Node("Greater", [s.Node("Abs", [x]), s.Scalar(1f)])], ("to", OnnxModel.Float));

    private static string Beyond(Sketch s, string value) =>
        s.Node("Cast", [s.Node("Greater", [value, s.Scalar(1f)])], ("to", OnnxModel.Float));

    private static string Choose(Sketch s, string x, int width)
    {
        var any = s.Node("Greater", [s.ReduceAll("ReduceMax", s.Node("Abs", [x]), keeps: false), s.Scalar(1f)]);
        var (yes, no, left, right) = (new OnnxModel(), new OnnxModel(), s.Name(), s.Name());
        s.InSubgraph(yes);
        yes.Node("Cos", [x], [left]).OutputOfAnyShape(left, OnnxModel.Float);
        no.Node("Mul", [x, x], [right]).OutputOfAnyShape(right, OnnxModel.Float);
        return s.Node("If", [any], ("then_branch", yes), ("else_branch", no));
    }

    private static string Loop(Sketch s, string x, int width)
    {
        var trips = s.Node(
            "Cast", [s.Node("Clip", [s.ReduceAll("ReduceMax", s.Node("Abs", [x]), keeps: false), s.Scalar(0f), s.Scalar(3f)])],
            ("to", OnnxModel.Int64));
        var body = new OnnxModel();
        var (turn, going, state, goes, result, one) = (s.Name(), s.Name(), s.Name(), s.Name(), s.Name(), s.Name());
        body.Input(turn, OnnxModel.Int64).Input(going, OnnxModel.Bool).InputOfAnyShape(state, OnnxModel.Float).Initializer(one, [1f]);
        body.Node("Identity", [going], [goes])
            .Node("Add", [state, one], [result])
            .Output(goes, OnnxModel.Bool)
            .OutputOfAnyShape(result, OnnxModel.Float);
        return s.Node("Loop", [trips, "", s.Node("Mul", [x, s.Scalar(0f)])], ("body", body));
    }

    private static string Scan(Sketch s, string x, int width)
    {
        var body = new OnnxModel();
        var (state, element, next, result) = (s.Name(), s.Name(), s.Name(), s.Name());
        body.InputOfAnyShape(state, OnnxModel.Float).InputOfAnyShape(element, OnnxModel.Float);
        body.Node("Max", [state, element], [next])
            .Node("Identity", [next], [result])
            .Output(next, OnnxModel.Float, width)
            .Output(result, OnnxModel.Float, width);
        return s.Nodes("Scan", [s.Constant(new float[width], width), Louds(s, x)], 2, ("num_scan_inputs", 1), ("body", body))[1];
    }
}
