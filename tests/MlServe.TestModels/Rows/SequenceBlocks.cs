namespace MlServe.TestModels;

/// <summary>Parts of models whose rows are sequences: [B, T, width] to the same, each row by itself.</summary>
internal static class SequenceBlocks
{
    private static readonly Func<Sketch, string, int, string>[] Blocks =
        [Attention, Attention, FeedForward, Folded, Recurrent, Convolve, Normalize, AddPositions, Scan, TurnedAttention];

    public static string Random(Sketch sketch, string value, int width) => sketch.Pick(Blocks)(sketch, value, width);

    /// <summary>[B, T, width] to [B, width].</summary>
    public static string Pool(Sketch s, string x) => s.Random.Next(5) switch
    {
        0 => s.Reduce("ReduceMean", x, keeps: false, 1),
        1 => s.Reduce("ReduceMax", x, keeps: false, 1),
        2 => s.Node("Gather", [x, s.Scalar(0L)], ("axis", 1L)),
        3 => s.Node("Gather", [x, s.Scalar(-1L)], ("axis", 1L)),
        _ => s.Squeeze(s.Slice(x, 1, 0, 1), 1),
    };

    private static string Attention(Sketch s, string x, int width)
    {
        const int Heads = 2;
        var size = width / Heads;
        string Split(string value, params long[] order) => s.Transpose(
            s.Chance(0.5) ? s.Reshape(value, 0, 0, Heads, size) : s.ReshapeLike(value, x, 0, -2, -1, Heads, size), order);
        var query = Split(Dense(s, x, width, width), 0, 2, 1, 3);
        var key = Split(Dense(s, x, width, width), 0, 2, 3, 1);
        var value = Split(Dense(s, x, width, width), 0, 2, 1, 3);
        var scores = s.Node(
            "Softmax", [s.Node("Mul", [s.Node("MatMul", [query, key]), s.Scalar(1 / MathF.Sqrt(size))])],
            ("axis", s.Opset >= 13 ? -1L : 3L));
        var joined = s.Transpose(s.Node("MatMul", [scores, value]), 0, 2, 1, 3);
        var flat = s.Chance(0.5) ? s.Reshape(joined, 0, 0, width) : s.ReshapeLike(joined, x, 0, -2, -1, width);
        return s.Node("Add", [x, Dense(s, flat, width, width)]);
    }

    private static string FeedForward(Sketch s, string x, int width) =>
        s.Node("Add", [x, Dense(s, s.Activate(Dense(s, x, width, 2 * width)), 2 * width, width)]);

    private static string Folded(Sketch s, string x, int width)
    {
        var flat = VectorBlocks.Dense(s, s.Reshape(x, -1, width), width);
        return s.Node("Reshape", [flat, s.Node("Shape", [x])]);
    }

    private static string Recurrent(Sketch s, string x, int width)
    {
        var kind = s.Pick("LSTM", "GRU", "RNN");
        var gates = kind switch { "LSTM" => 4, "GRU" => 3, _ => 1 };
        var turned = s.Transpose(x, 1, 0, 2);
        var run = s.Node(
            kind,
            [turned, s.Weights(0.3f, 1, gates * width, width), s.Weights(0.3f, 1, gates * width, width),
                s.Weights(0.1f, 1, 2 * gates * width)], ("hidden_size", width));
        return s.Transpose(s.Squeeze(run, 1), 1, 0, 2);
    }

    private static string Convolve(Sketch s, string x, int width)
    {
        var conv = s.Node("Conv", [s.Transpose(x, 0, 2, 1), s.Weights(MathF.Sqrt(1f / width), width, width, 3), s.Weights(0.1f, width)],
            ("kernel_shape", new long[] { 3 }), ("pads", new long[] { 1, 1 }));
        return s.Transpose(s.Activate(conv), 0, 2, 1);
    }

    private static string Normalize(Sketch s, string x, int width)
    {
        if (s.Opset >= 17)
            return s.Node("LayerNormalization", [x, s.Weights(1, width), s.Weights(0.1f, width)], ("axis", s.Pick<long>(-1, 2)));
        var off = s.Node("Sub", [x, s.Reduce("ReduceMean", x, keeps: true, -1)]);
        return s.Node(
            "Div",
            [off, s.Node("Sqrt", [s.Node("Add", [s.Reduce("ReduceMean", s.Node("Mul", [off, off]), keeps: true, -1), s.Scalar(1e-3f)])])]);
    }

    /// <summary>The first rows of a table, as many as there are tokens.</summary>
    private static string AddPositions(Sketch s, string x, int width)
    {
        var table = s.Weights(0.3f, 32, width);
        return s.Node("Add", [x, s.Node("Slice", [table, s.List(0), s.SizeOf(x, 1), s.List(0)])]);
    }

    private static string Scan(Sketch s, string x, int width)
    {
        var body = new OnnxModel();
        var (state, element, next, result) = (s.Name(), s.Name(), s.Name(), s.Name());
        body.InputOfAnyShape(state, OnnxModel.Float).InputOfAnyShape(element, OnnxModel.Float);
        body.Node("Add", [state, element], [next])
            .Node("Tanh", [next], [result])
            .Output(next, OnnxModel.Float, "", width)
            .Output(result, OnnxModel.Float, "", width);
        var first = s.Node(
            "ConstantOfShape", [s.Node("Concat", [s.SizeOf(x, 0), s.List(width)], ("axis", 0))], ("value", OnnxModel.Value([0.1f], 1)));
        return s.Transpose(s.Nodes("Scan", [first, s.Transpose(x, 1, 0, 2)], 2, ("num_scan_inputs", 1), ("body", body))[1], 1, 0, 2);
    }

    /// <summary>Attention as PyTorch's module computes it: time first, heads folded into the batch.</summary>
    private static string TurnedAttention(Sketch s, string x, int width)
    {
        const int Heads = 2;
        var size = width / Heads;
        var turned = s.Transpose(x, 1, 0, 2);
        var folded = s.Node("Mul", [s.SizeOf(turned, 1), s.List(Heads)]);
        string Split(string value) =>
            s.Transpose(s.Node("Reshape", [value, s.Node("Concat", [s.SizeOf(turned, 0), folded, s.List(size)], ("axis", 0))]), 1, 0, 2);
        var (query, key, own) =
            (Split(Dense(s, turned, width, width)), Split(Dense(s, turned, width, width)), Split(Dense(s, turned, width, width)));
        var scores = s.Node("Softmax", [s.Node("MatMul", [query, s.Transpose(key, 0, 2, 1)])], ("axis", s.Opset >= 13 ? -1L : 2L));
        var joined = s.Transpose(s.Node("MatMul", [scores, own]), 1, 0, 2);
        var flat = s.Node("Reshape", [joined, s.Node("Concat", [s.SizeOf(turned, 0), s.SizeOf(turned, 1), s.List(width)], ("axis", 0))]);
        return s.Node("Add", [x, s.Transpose(Dense(s, flat, width, width), 1, 0, 2)]);
    }

    private static string Dense(Sketch s, string x, int inputs, int outputs) =>
        s.Node("Add", [s.Node("MatMul", [x, s.Weights(MathF.Sqrt(2f / inputs), inputs, outputs)]), s.Weights(0.1f, outputs)]);
}
