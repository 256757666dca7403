namespace MlServe.Quantization.Evaluation.Metrics;

/// <summary>Correlation of ranks (C. Spearman, 1904).</summary>
internal static class Ranks
{
    /// <summary>1 if both lists have one order, -1 if the opposite one. Equal values have the mean of their ranks.</summary>
    public static double Correlation(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        if (left.Length < 2) return 1;
        double[] a = Of(left), b = Of(right);
        var mean = (a.Length - 1) / 2.0;
        double product = 0, squaresA = 0, squaresB = 0;
        for (var i = 0; i < a.Length; i++)
        {
            product += (a[i] - mean) * (b[i] - mean);
            squaresA += (a[i] - mean) * (a[i] - mean);
            squaresB += (b[i] - mean) * (b[i] - mean);
        }

        return squaresA == 0 || squaresB == 0 ? (squaresA == squaresB ? 1 : 0) : product / Math.Sqrt(squaresA * squaresB);
    }

    private static double[] Of(ReadOnlySpan<float> values)
    {
        var sorted = values.ToArray();
        var places = new int[sorted.Length];
        for (var i = 0; i < places.Length; i++)
            places[i] = i;
        Array.Sort(sorted, places);
        var ranks = new double[sorted.Length];
        for (var start = 0; start < sorted.Length;)
        {
            var end = start + 1;
            while (end < sorted.Length && sorted[end].Equals(sorted[start]))
                end++;
            for (var i = start; i < end; i++)
                ranks[places[i]] = (start + end - 1) / 2.0;
            start = end;
        }

        return ranks;
    }
}
