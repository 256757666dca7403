namespace MlServe.TestModels;

/// <summary>Parts of models whose rows are vectors: [B, width] to [B, width], each row by itself.</summary>
internal static class VectorBlocks
{
    private static readonly Func<Sketch, string, int, string>[] Blocks =
    [
        Dense, Dense, Residual, Normalize, NormalizeByHand, BatchNormalize, Attend, Quantize, Choose, Cut, Rank, OneHot, Accumulate, Turn,
        Plumb, LookUp, Einsum, Pick, Scatter, Scale, Spread, Gate, Double, Fold, Mask,
    ];

    public static string Random(Sketch sketch, string value, int width) => sketch.Pick(Blocks)(sketch, value, width);

    public static string Dense(Sketch s, string x, int width) => s.Activate(Linear(s, x, width, width));

    public static string Linear(Sketch s, string x, int inputs, int outputs)
    {
        var limit = MathF.Sqrt(3f / inputs);
        switch (s.Random.Next(4))
        {
            case 0: return s.Node("Gemm", [x, s.Weights(limit, outputs, inputs), s.Weights(0.1f, outputs)], ("transB", 1));
            case 1: return s.Node("Gemm", [x, s.Weights(limit, inputs, outputs), s.Weights(0.1f, 1, outputs)]);
            case 2: return s.Node("Add", [s.Node("MatMul", [x, s.Weights(limit, inputs, outputs)]), s.Weights(0.1f, outputs)]);
            default: return s.Transpose(s.Node("MatMul", [s.Weights(limit, outputs, inputs), s.Transpose(x, 1, 0)]), 1, 0);
        }
    }

    private static string Residual(Sketch s, string x, int width) =>
        s.Node("Add", [x, s.Node("Mul", [Dense(s, x, width), s.Scalar(0.5f)])]);

    private static string Normalize(Sketch s, string x, int width) => s.Opset >= 17
        ? s.Node("LayerNormalization", [x, s.Weights(1, width), s.Weights(0.1f, width)], ("axis", s.Pick<long>(-1, 1)))
        : s.Node("LpNormalization", [x], ("axis", s.Pick<long>(-1, 1)), ("p", 2));

    private static string NormalizeByHand(Sketch s, string x, int width)
    {
        var off = s.Node("Sub", [x, s.Reduce("ReduceMean", x, keeps: true, s.Pick<long>(1, -1))]);
        var variance = s.Reduce("ReduceMean", s.Node("Mul", [off, off]), keeps: true, -1);
        return s.Node("Div", [off, s.Node("Sqrt", [s.Node("Add", [variance, s.Scalar(1e-3f)])])]);
    }

    private static string BatchNormalize(Sketch s, string x, int width) =>
        s.Node(
            "BatchNormalization",
            [x, s.Weights(1, width), s.Weights(0.1f, width), s.Weights(0.1f, width), s.Node("Abs", [s.Weights(2, width)])]);

    private static string Attend(Sketch s, string x, int width) =>
        s.Node("Mul", [x, s.Node("Softmax", [Linear(s, x, width, width)], ("axis", s.Opset >= 13 ? s.Pick<long>(1, -1) : 1))]);

    private static string Quantize(Sketch s, string x, int width)
    {
        var (scale, zero) = (s.Scalar(0.05f), s.Node("Cast", [s.Scalar(128L)], ("to", OnnxModel.UInt8)));
        return s.Node(
            "DequantizeLinear", [s.Node("QuantizeLinear", [s.Node("Clip", [x, s.Scalar(-6f), s.Scalar(6f)]), scale, zero]), scale, zero]);
    }

    private static string Choose(Sketch s, string x, int width) =>
        s.Node("Where", [s.Node("Greater", [x, s.Weights(0.3f, width)]), Linear(s, x, width, width), s.Node("Neg", [x])]);

    private static string Cut(Sketch s, string x, int width)
    {
        var parts = s.Split(x, s.Pick<long>(1, -1), width / 2, width - (width / 2));
        return s.Node("Concat", [parts[1], s.Activate(parts[0])], ("axis", s.Pick<long>(1, -1)));
    }

    private static string Rank(Sketch s, string x, int width)
    {
        var sorted = s.Nodes("TopK", [x, s.List(width)], 2, ("axis", s.Pick<long>(1, -1)));
        return s.Node("Add", [sorted[0], s.Node("Mul", [s.Node("Cast", [sorted[1]], ("to", OnnxModel.Float)), s.Scalar(0.1f)])]);
    }

    private static string OneHot(Sketch s, string x, int width)
    {
        var best = s.Node("ArgMax", [x], ("axis", s.Pick<long>(1, -1)), ("keepdims", 0));
        return s.Node("Add", [x, s.Node("OneHot", [best, s.Scalar((long)width), s.Constant([0f, 1f], 2)])]);
    }

    private static string Accumulate(Sketch s, string x, int width) =>
        s.Node("Mul", [s.Node("CumSum", [x, s.Scalar(s.Pick<long>(1, -1))]), s.Scalar(1f / width)]);

    private static string Turn(Sketch s, string x, int width) =>
        s.Transpose(s.Activate(s.Node("MatMul", [s.Weights(MathF.Sqrt(3f / width), width, width), s.Transpose(x, 1, 0)])), 1, 0);

    private static string Plumb(Sketch s, string x, int width)
    {
        var half = width / 2;
        var split = s.ReshapeLike(x, x, 0, -2, s.Pick<long>(2, -1), half);
        return s.ReshapeLike(s.Activate(s.Transpose(split, 0, 2, 1)), x, 0, -2, s.Pick<long>(-1, width));
    }

    private static string LookUp(Sketch s, string x, int width)
    {
        var best = s.Node("ArgMax", [x], ("axis", 1L), ("keepdims", 0));
        return s.Node("Add", [x, s.Node("Gather", [s.Weights(0.5f, width, width), best], ("axis", 0))]);
    }

    private static string Einsum(Sketch s, string x, int width) =>
        s.Node(
            "Einsum", [x, s.Weights(MathF.Sqrt(3f / width), width, width)],
            ("equation", s.Pick("bi,ij->bj", "bi,ji->bj", "...i,ij->...j")));

    /// <summary>x[arange(B), argmax], as PyTorch writes it.</summary>
    private static string Pick(Sketch s, string x, int width)
    {
        var rows = s.Node("Range", [s.Scalar(0L), s.Squeeze(s.SizeOf(x, 0), 0), s.Scalar(1L)]);
        var best = s.Node("ArgMax", [Linear(s, x, width, width)], ("axis", 1L), ("keepdims", 0));
        var picked = s.Node("GatherND", [x, s.Node("Concat", [s.Unsqueeze(rows, 1), s.Unsqueeze(best, 1)], ("axis", 1L))]);
        return s.Node("Add", [x, s.Unsqueeze(picked, 1)]);
    }

    /// <summary>x[arange(B), argmax] = 0, as PyTorch writes it.</summary>
    private static string Scatter(Sketch s, string x, int width)
    {
        var rows = s.Node("Range", [s.Scalar(0L), s.Squeeze(s.SizeOf(x, 0), 0), s.Scalar(1L)]);
        var best = s.Node("ArgMax", [x], ("axis", 1L), ("keepdims", 0));
        var zero = s.Node("Mul", [s.Reduce("ReduceMax", x, keeps: false, 1), s.Scalar(0.5f)]);
        return s.Node("ScatterND", [x, s.Node("Concat", [s.Unsqueeze(rows, 1), s.Unsqueeze(best, 1)], ("axis", -1L)), zero]);
    }

    private static string Scale(Sketch s, string x, int width) =>
        s.Node(
            "Mul", [x, s.Node("Reciprocal", [s.Node("Add", [s.Reduce("ReduceMax", s.Node("Abs", [x]), keeps: true, 1), s.Scalar(1f)])])]);

    private static string Spread(Sketch s, string x, int width)
    {
        var wide = s.Node("Expand", [s.Weights(1, 1, width), s.Node("Concat", [s.SizeOf(x, 0), s.List(width)], ("axis", 0))]);
        return s.Node("Add", [x, s.Node("Mul", [wide, s.Scalar(0.2f)])]);
    }

    private static string Gate(Sketch s, string x, int width) =>
        s.Node(
            "Mul",
            [x, s.Node(
                "Sigmoid", [Linear(s, s.Reduce(s.Pick("ReduceMean", "ReduceL2", "ReduceLogSumExp"), x, keeps: true, 1), 1, width)])]);

    /// <summary>All rows twice, as for guidance, and apart again.</summary>
    private static string Double(Sketch s, string x, int width)
    {
        var both = Linear(s, s.Node("Concat", [x, s.Node("Neg", [x])], ("axis", 0)), width, width);
        var parts = s.Opset >= 18 ? s.Nodes("Split", [both], 2, ("axis", 0), ("num_outputs", 2)) : s.Nodes("Split", [both], 2, ("axis", 0));
        return s.Node("Sub", [parts[0], parts[1]]);
    }

    private static string Fold(Sketch s, string x, int width)
    {
        var flat = s.Reshape(x, -1, 1);
        return s.Reshape(s.Node("Mul", [flat, s.Node("Sigmoid", [flat])]), -1, width);
    }

    /// <summary>x[x &gt; 1] = 1, as PyTorch writes it: by the places of all elements that are above.</summary>
    private static string Mask(Sketch s, string x, int width)
    {
        var places = s.Transpose(s.Node("NonZero", [s.Node("Greater", [x, s.Scalar(1f)])]), 1, 0);
        return s.Node("ScatterND", [x, places, s.Node("Expand", [s.Constant([1f], 1), s.SizeOf(places, 0)])]);
    }
}
