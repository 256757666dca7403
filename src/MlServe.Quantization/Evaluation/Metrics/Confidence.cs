namespace MlServe.Quantization.Evaluation.Metrics;

/// <summary>The evidence that a few rows give of all rows: lower ends of intervals of 95 %, with one side.</summary>
internal static class Confidence
{
    private const double Level = 0.95;
    private const double Z = 1.6449;
    private const int Resamples = 400;
    private const int Steps = 60;

    /// <summary>
    /// The least share of all rows that so many of so many rows are likely to come from (C. Clopper and E. Pearson, 1934). If rows agree
    /// in part, as those of sequences do, the interval is Wilson's (1927).
    /// </summary>
    /// <param name="agreed">The sum of the shares in which each row agrees.</param>
    /// <param name="rows">How many rows.</param>
    public static double LowerShare(double agreed, long rows)
    {
        if (rows == 0) return 0;
        if (Math.Abs(agreed - Math.Round(agreed)) > 1e-9) return Wilson(agreed / rows, rows);
        var successes = (long)Math.Round(agreed);
        if (successes == 0) return 0;
        double low = 0, high = 1;
        for (var i = 0; i < Steps; i++)
        {
            var middle = (low + high) / 2;
            if (Tail(successes, rows, middle) > 1 - Level) high = middle;
            else low = middle;
        }

        return low;
    }

    /// <summary>How many rows without a miss show a share.</summary>
    public static int RowsFor(double share) =>
        share >= 1 ? int.MaxValue : (int)Math.Ceiling(Math.Log(1 - Level) / Math.Log(Math.Max(share, 1e-9)));

    /// <summary>
    /// The ratio of signal to noise that most samples of as many rows have at least, in decibels: rows are drawn anew (B. Efron, 1979).
    /// </summary>
    public static double LowerSnrDb(IReadOnlyList<double> signals, IReadOnlyList<double> noises)
    {
        var random = new Random(signals.Count);
        var found = new double[Resamples];
        for (var i = 0; i < Resamples; i++)
        {
            double signal = 0, noise = 0;
            for (var j = 0; j < signals.Count; j++)
            {
                var row = random.Next(signals.Count);
                signal += signals[row];
                noise += noises[row];
            }

            found[i] = noise == 0 ? double.PositiveInfinity : 10 * Math.Log10(signal / noise);
        }

        Array.Sort(found);
        return found[(int)(Resamples * (1 - Level))];
    }

    private static double Wilson(double share, long rows)
    {
        var scale = 1 + (Z * Z / rows);
        return Math.Max(
            0, (share + (Z * Z / (2 * rows)) - (Z * Math.Sqrt((share * (1 - share) / rows) + (Z * Z / (4.0 * rows * rows))))) / scale);
    }

    /// <summary>How likely so many or more of the rows agree if each agrees with a probability.</summary>
    private static double Tail(long successes, long rows, double probability)
    {
        // The misses are few: they are summed.
        double sum = 0, logTerm = rows * Math.Log(probability);
        for (var misses = 0L; misses <= rows - successes; misses++)
        {
            if (misses > 0) logTerm += Math.Log((rows - misses + 1.0) / misses) + Math.Log((1 - probability) / probability);
            sum += Math.Exp(logTerm);
        }

        return sum;
    }
}
