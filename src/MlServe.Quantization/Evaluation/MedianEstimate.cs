namespace MlServe.Quantization.Evaluation;

/// <summary>
/// A median and a distribution-free interval for it, from order statistics: the ranks between which it lies with at least 95 %.
/// </summary>
internal readonly record struct MedianEstimate(double Median, double Low, double High)
{
    public static MedianEstimate Of(IReadOnlyCollection<double> values)
    {
        double[] sorted = [.. values.Order()];
        var n = sorted.Length;
        var median = n % 2 == 1 ? sorted[n / 2] : (sorted[(n / 2) - 1] + sorted[n / 2]) / 2;

        // P(fewer than k of n values lie below the median) is binomial with p = 1/2.
        var tail = Math.Pow(0.5, n);
        var sum = tail;
        var rank = 0;
        while (rank + 1 < n / 2)
        {
            tail *= (double)(n - rank) / (rank + 1);
            if (sum + tail > 0.025) break;
            sum += tail;
            rank++;
        }

        return new(median, sorted[rank], sorted[n - 1 - rank]);
    }
}
