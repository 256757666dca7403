using BenchmarkDotNet.Reports;

namespace MlServe.Benchmarking;

/// <summary>
/// The figures of a benchmark about predictions, as numbers. An operation of BenchmarkDotNet is taken as one prediction. Immutable.
/// </summary>
public sealed class PredictionFigures
{
    // Of BenchmarkDotNet's MemoryDiagnoser, which says the name nowhere in public.
    private const string AllocatedMetric = "Allocated Memory";

    private readonly LatencyHistogram? _latency;

    private PredictionFigures(double meanNanoseconds, LatencyHistogram? latency, long? allocatedBytes, decimal? hourlyPrice)
    {
        MeanNanoseconds = meanNanoseconds;
        _latency = latency;
        AllocatedBytes = allocatedBytes;
        HourlyPrice = hourlyPrice;
    }

    /// <summary>Nanoseconds a prediction, as BenchmarkDotNet's <c>Mean</c>: if calls overlap, less than a call takes.</summary>
    public double MeanNanoseconds { get; }

    /// <summary>Predictions a second: one divided by the mean.</summary>
    public double PredictionsPerSecond => 1e9 / MeanNanoseconds;

    /// <summary>Managed bytes allocated a prediction, by the whole process; null if no <c>MemoryDiagnoser</c> was at work.</summary>
    public long? AllocatedBytes { get; }

    /// <summary>Calls that <see cref="CallLatency"/> recorded; 0 if the benchmark records none.</summary>
    public long RecordedCalls => _latency?.Count ?? 0;

    /// <summary>The price an hour that <see cref="CostPerMillion"/> is made with.</summary>
    public decimal? HourlyPrice { get; }

    /// <summary>
    /// The cost of a million predictions, in the currency of the price: price an hour / 3600 x seconds a prediction x 1,000,000. Null if
    /// there is no price.
    /// </summary>
    /// <remarks>
    /// The machine is paid as a whole, however little of it the benchmark uses, and is taken as never idle. So it is the least that a
    /// prediction can cost on it. A benchmark that uses one core of eight makes it look eight times as dear as a service that uses all.
    /// </remarks>
    public double? CostPerMillion => PredictionCost.PerMillion(HourlyPrice, MeanNanoseconds / 1e9);

    /// <summary>The figures of a benchmark.</summary>
    /// <param name="report">Of a <see cref="Summary"/>.</param>
    /// <param name="hourlyPrice">The price of the machine an hour, 0 or more. Default: none.</param>
    /// <returns>The figures; null if the benchmark failed.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="hourlyPrice"/> is negative.</exception>
    public static PredictionFigures? Of(BenchmarkReport report, decimal? hourlyPrice = null)
    {
        ArgumentNullException.ThrowIfNull(report);
        PredictionCost.ThrowIfNotAPrice(hourlyPrice);
        if (!report.Success || report.ResultStatistics is not { Mean: > 0 and < double.PositiveInfinity } statistics) return null;
        return new(statistics.Mean, RecordedLatencies.Of(report), Allocated(report), hourlyPrice);
    }

    /// <summary>A percentile of the calls that <see cref="CallLatency"/> recorded, in nanoseconds with three significant digits.</summary>
    /// <param name="percentile">From 0 to 100; 99 is the time that 99 of 100 calls do not exceed.</param>
    /// <returns>Nanoseconds; null if no call was recorded.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Not from 0 to 100.</exception>
    public double? LatencyNanoseconds(double percentile)
    {
        if (!(percentile is >= 0 and <= 100))
            throw new ArgumentOutOfRangeException(nameof(percentile), percentile, "A percentile is from 0 to 100.");
        return _latency?.Percentile(percentile);
    }

    private static long? Allocated(BenchmarkReport report) =>
        report.Metrics.ContainsKey(AllocatedMetric) ? report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase) : null;
}
