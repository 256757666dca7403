namespace MlServe.TestModels;

/// <summary>
/// A transformer encoder, <c>x: float[batch, tokens, width] → y: float[batch, tokens, width]</c>, of the shape of BERT (Devlin et al.,
/// 2018) with random weights: attention, layer normalization, and a feed-forward network of four times the width. Masked, it
/// has a second input, <c>mask: float[batch, tokens]</c>, and does not attend to tokens whose mask is 0.
/// </summary>
public sealed class EncoderModel
{
    private readonly OnnxModel _model = new();
    private readonly RandomWeights _weights;
    private readonly int _width;
    private readonly int _heads;

    private readonly bool _masked;

    private EncoderModel(int seed, int width, int heads, bool masked)
    {
        _masked = masked;
        _weights = new(seed);
        _width = width;
        _heads = heads;
    }

    public static byte[] Create(int seed, int layers = 2, int width = 768, int heads = 12, bool masked = false)
    {
        var encoder = new EncoderModel(seed, width, heads, masked);
        encoder._model.Input("x", OnnxModel.Float, "batch", "tokens", width).Output("y", OnnxModel.Float, "batch", "tokens", width)
            .Initializer("split", [0L, 0, heads, width / heads], 4).Initializer("join", [0L, 0, width], 3)
            .Initializer("scale", [1 / MathF.Sqrt(width / (float)heads)]).Initializer("half", [0.5f]).Initializer("one", [1f])
            .Initializer("root", [1 / MathF.Sqrt(2)]);
        if (masked)
        {
            encoder._model.Input("mask", OnnxModel.Float, "batch", "tokens").Initializer("over", [1L, 2], 2).Initializer("far", [1e4f])
                .Node("Sub", ["mask", "one"], ["mask0"]).Node("Mul", ["mask0", "far"], ["mask1"])
                .Node("Unsqueeze", ["mask1", "over"], ["hidden"]);
        }

        var current = "x";
        for (var layer = 0; layer < layers; layer++)
            current = encoder.Layer(current, $"l{layer}", layer == layers - 1 ? "y" : $"l{layer}y");
        return encoder._model.ToBytes();
    }

    private string Layer(string input, string name, string output)
    {
        var query = Heads(Dense(input, $"{name}q", _width, _width), $"{name}q", 0, 2, 1, 3);
        var key = Heads(Dense(input, $"{name}k", _width, _width), $"{name}k", 0, 2, 3, 1);
        var value = Heads(Dense(input, $"{name}v", _width, _width), $"{name}v", 0, 2, 1, 3);
        var scores = $"{name}t";
        _model.Node("MatMul", [query, key], [$"{name}s"]).Node("Mul", [$"{name}s", "scale"], [scores]);
        if (_masked)
        {
            scores = $"{name}tm";
            _model.Node("Add", [$"{name}t", "hidden"], [scores]);
        }

        _model.Node("Softmax", [scores], [$"{name}p"], ("axis", -1))
            .Node("MatMul", [$"{name}p", value], [$"{name}c"])
            .Node("Transpose", [$"{name}c"], [$"{name}u"], ("perm", new long[] { 0, 2, 1, 3 }))
            .Node("Reshape", [$"{name}u", "join"], [$"{name}j"]);
        var attended = AddAndNormalize(Dense($"{name}j", $"{name}o", _width, _width), input, $"{name}a", $"{name}n");

        var inner = Dense(attended, $"{name}f", _width, 4 * _width);
        _model.Node("Mul", [inner, "root"], [$"{name}g0"]).Node("Erf", [$"{name}g0"], [$"{name}g1"])
            .Node("Add", [$"{name}g1", "one"], [$"{name}g2"])
            .Node("Mul", [inner, $"{name}g2"], [$"{name}g3"]).Node("Mul", [$"{name}g3", "half"], [$"{name}g4"]);
        return AddAndNormalize(Dense($"{name}g4", $"{name}h", 4 * _width, _width), attended, $"{name}b", output);
    }

    private string Dense(string input, string name, int inputs, int outputs)
    {
        _model.Initializer($"{name}w", _weights.ForInputs(inputs * outputs, 3 * inputs), inputs, outputs)
            .Initializer($"{name}b", _weights.Uniform(outputs, 0.1f), outputs)
            .Node("MatMul", [input, $"{name}w"], [$"{name}m"]).Node("Add", [$"{name}m", $"{name}b"], [$"{name}d"]);
        return $"{name}d";
    }

    private string Heads(string input, string name, params long[] order)
    {
        _model.Node("Reshape", [input, "split"], [$"{name}r"]).Node("Transpose", [$"{name}r"], [$"{name}x"], ("perm", order));
        return $"{name}x";
    }

    private string AddAndNormalize(string input, string residual, string name, string output)
    {
        var gain = new float[_width];
        Array.Fill(gain, 1);
        _model.Initializer($"{name}w", gain, _width).Initializer($"{name}b", _weights.Uniform(_width, 0.1f), _width)
            .Node("Add", [input, residual], [$"{name}s"])
            .Node("LayerNormalization", [$"{name}s", $"{name}w", $"{name}b"], [output], ("axis", -1), ("epsilon", 1e-5f));
        return output;
    }
}
