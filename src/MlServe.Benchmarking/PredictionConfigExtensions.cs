using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using MlServe.Benchmarking;

namespace BenchmarkDotNet.Configs;

/// <summary>Adds what MlServe.Benchmarking reports to a configuration of BenchmarkDotNet.</summary>
public static class PredictionConfigExtensions
{
    /// <summary>
    /// Adds the columns <c>Call p50</c> and <c>Call p99</c> (percentiles of the calls that <see cref="CallLatency"/> recorded),
    /// <c>Predictions/s</c>, <c>Allocated</c> (through <see cref="MemoryDiagnoser"/>) and, if there is a price, <c>Cost/1M</c>. Adds an
    /// exporter as well, which writes the same figures as numbers into <c>&lt;benchmark&gt;-predictions.json</c>.
    /// </summary>
    /// <remarks>
    /// An operation of BenchmarkDotNet is taken as one prediction: <c>[Benchmark(OperationsPerInvoke = N)]</c> says how many a call of the
    /// method makes. A cell is <c>-</c> if there is no figure: the benchmark failed, or recorded no call. The meaning of the cost is in
    /// <see cref="PredictionFigures.CostPerMillion"/>.
    /// </remarks>
    /// <param name="config">The configuration to add to; it is not changed.</param>
    /// <param name="hourlyPrice">The price of the machine an hour, in any currency, 0 or more. Default: none, and no
    /// <c>Cost/1M</c>.</param>
    /// <returns>A configuration with all of <paramref name="config"/> and the above.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="hourlyPrice"/> is negative.</exception>
    public static ManualConfig AddPredictionColumns(this IConfig config, decimal? hourlyPrice = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        PredictionCost.ThrowIfNotAPrice(hourlyPrice);
        return ManualConfig.Create(config)
            .AddDiagnoser(MemoryDiagnoser.Default, new CallLatencyDiagnoser())
            .AddColumnProvider(new PredictionColumnProvider(hourlyPrice))
            .AddExporter((IExporter)new PredictionExporter(hourlyPrice));
    }
}
