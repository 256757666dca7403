using HdrHistogram;

namespace MlServe.Benchmarks.Load;

/// <summary>Histograms of nanoseconds, to three digits and an hour, and what is read from them.</summary>
internal static class LatencyHistograms
{
    public const long Longest = 3_600_000_000_000;

    private const int Digits = 3;

    /// <summary>One that many threads write to.</summary>
    public static HistogramBase Concurrent() => new LongConcurrentHistogram(1, Longest, Digits);

    /// <summary>One that one thread writes to.</summary>
    public static HistogramBase Plain() => new LongHistogram(1, Longest, Digits);

    /// <summary>Records a time; one out of range as the nearest that is in it.</summary>
    public static void RecordNanoseconds(this HistogramBase histogram, long nanoseconds) =>
        histogram.RecordValue(Math.Clamp(nanoseconds, 1, Longest));

    /// <summary>The value of a rank, from 1 for the smallest, in milliseconds; not a number where there is none.</summary>
    public static double MillisecondsAtRank(this HistogramBase histogram, long rank)
    {
        foreach (var value in histogram.RecordedValues())
        {
            if (value.TotalCountToThisValue >= rank) return histogram.MedianEquivalentValue(value.ValueIteratedTo) / 1e6;
        }

        return double.NaN;
    }

    /// <summary>A percentile by nearest rank, in milliseconds; not a number where nothing was recorded.</summary>
    /// <param name="histogram">The histogram.</param>
    /// <param name="share">0 to 1.</param>
    public static double Milliseconds(this HistogramBase histogram, double share) =>
        histogram.MillisecondsAtRank(Math.Max(1, (long)Math.Ceiling((share * histogram.TotalCount) - 1e-9)));

    /// <summary>How many values lie above one.</summary>
    public static long CountAbove(this HistogramBase histogram, long value)
    {
        var within = 0L;
        foreach (var recorded in histogram.RecordedValues())
        {
            if (histogram.LowestEquivalentValue(recorded.ValueIteratedTo) > value) break;
            within = recorded.TotalCountToThisValue;
        }

        return histogram.TotalCount - within;
    }

    public static double MeanMilliseconds(this HistogramBase histogram) =>
        histogram.TotalCount == 0 ? double.NaN : histogram.GetMean() / 1e6;
}
