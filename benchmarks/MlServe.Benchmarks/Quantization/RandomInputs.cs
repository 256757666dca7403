namespace MlServe.Benchmarks.Quantization;

/// <summary>Seeded inputs of normal values.</summary>
internal static class RandomInputs
{
    public static float[] Values(int seed, long[] shape)
    {
        var random = new Random(seed);
        var values = new float[shape.Aggregate(1L, static (product, size) => product * size)];
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        return values;
    }

    public static IEnumerable<PredictionInputs> Make(int count, string input, long[] shape)
    {
        for (var i = 0; i < count; i++)
            yield return PredictionInputs.Rows(PredictionInput.Tensor(input, Values(100 + i, shape), shape));
    }
}
