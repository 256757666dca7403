using MlServe.TestModels;

namespace MlServe.Quantization;

/// <summary>
/// Three layers of which one cannot stand integers: its input has a column ten thousand times as large as the others, which its weights all but ignore, so that a
/// step of the common scale swallows the rest.
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
        return new OnnxModel().Input("x", OnnxModel.Float, "batch", Width).Output("y", OnnxModel.Float, "batch", Width)
            .Initializer("w1", harmed, Width, Width).Initializer("w2", Weights(random, Width * Width), Width, Width).Initializer("w3", Weights(random, Width * Width), Width, Width)
            .Initializer("b", new float[Width], Width)
            .Node("Gemm", ["x", "w1", "b"], [Node])
            .Node("Relu", [Node], ["a1"])
            .Node("Gemm", ["a1", "w2", "b"], ["fine"])
            .Node("Relu", ["fine"], ["a2"])
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
                values[j] = ((random.NextSingle() * 2) - 1) * (j % Width == 0 ? 1e4f : 1f);
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
