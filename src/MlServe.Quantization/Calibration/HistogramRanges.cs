namespace MlServe.Quantization.Calibration;

/// <summary>Chooses a range from a histogram, inside of the range that was seen.</summary>
internal static class HistogramRanges
{
    private const int Levels = 256;
    private const int Steps = 100;

    /// <summary>Leaves out the same share of values at both ends, together all but <paramref name="percentile"/> of them.</summary>
    public static TensorRange Percentile(Histogram histogram, TensorRange seen, double percentile)
    {
        var tail = (100 - percentile) / 200;
        return Within(seen, histogram.Quantile(tail), histogram.Quantile(1 - tail));
    }

    /// <summary>
    /// The range with the least sum of squared errors: of rounding inside (a twelfth of the squared step for each value), of clipping
    /// outside.
    /// </summary>
    public static TensorRange Mse(Histogram histogram, TensorRange seen)
    {
        var best = seen;
        var least = SquaredError(histogram, seen);

        // First both ends together, then each for itself.
        foreach (var (low, high) in new[] { (1, 1), (0, 1), (1, 0) })
        {
            var from = best;
            for (var step = 1; step < Steps; step++)
            {
                var factor = 1 - (step / (float)Steps);
                var range = new TensorRange(low == 1 ? from.Min * factor : from.Min, high == 1 ? from.Max * factor : from.Max);
                var error = SquaredError(histogram, range);
                if (error < least) (best, least) = (range, error);
            }
        }

        return best;
    }

    /// <summary>
    /// The range whose 256 levels lose the least information, as the Kullback-Leibler divergence of the values from their levels (S.
    /// Migacz, "8-bit inference with TensorRT", 2017; here with both ends shrinking together, because ranges are not symmetric).
    /// </summary>
    public static TensorRange Entropy(Histogram histogram, TensorRange seen)
    {
        if (histogram.Width == 0) return seen;
        var best = seen;
        var least = double.PositiveInfinity;
        for (var step = 0; step < Steps; step++)
        {
            var factor = 1 - (step / (float)Steps);
            var range = new TensorRange(seen.Min * factor, seen.Max * factor);
            var (first, last) = (histogram.BinOf(Math.Min(range.Min, 0)), histogram.BinOf(Math.Max(range.Max, 0)));
            if (last - first + 1 <= Levels) break;
            var divergence = Divergence(histogram, first, last);
            if (divergence < least) (best, least) = (range, divergence);
        }

        return best;
    }

    private static double SquaredError(Histogram histogram, TensorRange range)
    {
        var (low, high) = (Math.Min(range.Min, 0d), Math.Max(range.Max, 0d));
        var step = (high - low) / (Levels - 1);
        var rounding = step * step / 12;
        double sum = 0;
        for (var bin = 0; bin < histogram.Counts.Length; bin++)
        {
            var count = histogram.Counts[bin];
            if (count == 0) continue;
            var center = histogram.CenterOf(bin);
            var outside = center < low ? low - center : center > high ? center - high : 0;
            var error = Math.Abs(center) < step / 2 ? center * center : rounding;
            sum += count * ((outside * outside) + error);
        }

        return sum;
    }

    private static double Divergence(Histogram histogram, int first, int last)
    {
        var counts = histogram.Counts;
        double before = 0, behind = 0;
        for (var bin = 0; bin < counts.Length; bin++)
        {
            if (bin < first) before += counts[bin];
            if (bin > last) behind += counts[bin];
        }

        var total = (double)histogram.Total;
        var inside = total - before - behind;
        if (inside <= 0) return double.PositiveInfinity;
        var bins = last - first + 1;
        var divergence = Math.Log(inside / total);
        for (var level = 0; level < Levels; level++)
        {
            var (from, to) = (first + (int)((long)level * bins / Levels), first + (int)((long)(level + 1) * bins / Levels));
            double mass = 0;
            var used = 0;
            for (var bin = from; bin < to; bin++)
            {
                mass += counts[bin];
                if (counts[bin] > 0 || (bin == first && before > 0) || (bin == last && behind > 0)) used++;
            }

            // A bin that holds only what was clipped has no level of its own: it counts as one value, so that the logarithm stays finite.
            var each = used == 0 ? 0 : Math.Max(mass, 1) / used;
            for (var bin = from; bin < to; bin++)
            {
                var count = counts[bin] + (bin == first ? before : 0) + (bin == last ? behind : 0);
                if (count > 0) divergence += count / total * Math.Log(count / each);
            }
        }

        return divergence;
    }

    private static TensorRange Within(TensorRange seen, double low, double high)
    {
        var min = (float)Math.Clamp(low, seen.Min, seen.Max);
        return new(min, Math.Max(min, (float)Math.Clamp(high, seen.Min, seen.Max)));
    }
}
