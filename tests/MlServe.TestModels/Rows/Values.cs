namespace MlServe.TestModels;

/// <summary>Random values.</summary>
internal static class Values
{
    public static float[] Normal(Random random, int count, float scale = 1)
    {
        var values = new float[count];
        for (var i = 0; i < count; i++)
            values[i] = scale * MathF.Sqrt(-2 * MathF.Log(1 - random.NextSingle())) * MathF.Cos(2 * MathF.PI * random.NextSingle());
        return values;
    }

    public static long[] Integers(Random random, int count, int below)
    {
        var values = new long[count];
        for (var i = 0; i < count; i++)
            values[i] = random.Next(below);
        return values;
    }

    public static int Count(ReadOnlySpan<long> shape) => RowTensor.Product(shape);
}
