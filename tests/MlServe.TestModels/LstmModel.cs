namespace MlServe.TestModels;

/// <summary>
/// An LSTM over a sequence, <c>x: float[tokens, batch, inputs] → y: float[tokens, 1, batch, hidden]</c>, with seeded random weights.
/// </summary>
public static class LstmModel
{
    public static byte[] Create(int seed, int inputs = 128, int hidden = 128)
    {
        var weights = new RandomWeights(seed);
        return new OnnxModel().Input("x", OnnxModel.Float, "tokens", "batch", inputs)
            .Output("y", OnnxModel.Float, "tokens", 1, "batch", hidden)
            .Initializer("w", weights.Uniform(4 * hidden * inputs, 1 / MathF.Sqrt(hidden)), 1, 4 * hidden, inputs)
            .Initializer("r", weights.Uniform(4 * hidden * hidden, 1 / MathF.Sqrt(hidden)), 1, 4 * hidden, hidden)
            .Initializer("b", weights.Uniform(8 * hidden, 0.1f), 1, 8 * hidden)
            .Node("LSTM", ["x", "w", "r", "b"], ["y"], ("hidden_size", hidden))
            .ToBytes();
    }
}
