using MlServe.TestModels;

namespace MlServe.Quantization;

/// <summary>
/// Three layers of which one cannot stand integers: its input has a column ten thousand times as large as the others, which its weights all
/// but ignore, so that a step of the common scale swallows the rest. The input comes as integers from the layer before, so that it cannot
/// be smoothed.
/// </summary>
internal static class Culprit
{
    public const string Node = "harmed";

    private const int Width = 48;

    public static byte[] Model()
    {
        var random = new Random(5);
        var harmed = Weights(random, Width * Width);
        harmed.AsSpan(0, Width).Fill(1e-7f);
        var wide = Weights(random, Width * Width);
        for (var row = 0; row < Width; row++)
            wide[row * Width] *= 1e4f;
        return new OnnxModel().Input("x", OnnxModel.Float, "batch", Width).Output("y", OnnxModel.Float, "batch", Width)
            .Initializer("w1", wide, Width, Width).Initializer("w2", harmed, Width, Width)
            .Initializer("w3", Weights(random, Width * Width), Width, Width)
            .Initializer("b", new float[Width], Width)
            .Node("Gemm", ["x", "w1", "b"], ["fine"])
            .Node("Relu", ["fine"], ["a1"])
            .Node("Gemm", ["a1", "w2", "b"], [Node])
            .Node("Relu", [Node], ["a2"])
            .Node("Gemm", ["a2", "w3", "b"], ["y"])
            .ToBytes();
    }

    public static IEnumerable<PredictionInputs> Samples(int count = 24)
    {
        var random = new Random(7);
        for (var i = 0; i < count; i++)
        {
            var values = new float[8 * Width];
            for (var j = 0; j < values.Length; j++)
                values[j] = (random.NextSingle() * 2) - 1;
            yield return PredictionInputs.Rows(values, 8);
        }
    }

    private static float[] Weights(Random random, int count)
    {
        var values = new float[count];
        for (var i = 0; i < count; i++)
            values[i] = ((random.NextSingle() * 2) - 1) / 4;
        return values;
    }
}
