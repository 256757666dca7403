namespace MlServe.TestModels;

/// <summary>Seeded weights, the same on every machine.</summary>
internal sealed class RandomWeights(int seed)
{
    private readonly Random _random = new(seed);

    /// <summary>Values that keep the variance of what they are multiplied with (He et al., 2015).</summary>
    public float[] ForInputs(int count, int inputs) => Uniform(count, MathF.Sqrt(6f / inputs));

    public float[] Uniform(int count, float limit)
    {
        var values = new float[count];
        for (var i = 0; i < count; i++)
            values[i] = ((_random.NextSingle() * 2) - 1) * limit;
        return values;
    }
}
