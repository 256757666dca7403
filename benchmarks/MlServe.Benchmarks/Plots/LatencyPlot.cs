using System.Globalization;
using MlServe.Benchmarks.Suites;
using ScottPlot;

namespace MlServe.Benchmarks.Plots;

/// <summary>The latency of single calls over the share of calls that are no slower, on an axis of nines.</summary>
internal static class LatencyPlot
{
    private const int FewCallers = 1;
    private const int ManyCallers = 64;

    private static readonly double[] Percentiles = [0, 50, 90, 99, 99.9, 99.99];

    public static string? Draw(IReadOnlyList<SuiteResult> results, string path, string? note)
    {
        (string Name, SuiteResult? Result)[] lines =
        [
            ("raw, 1 caller", Find(results, nameof(DirectBenchmarks), nameof(DirectBenchmarks.Raw))),
            ("OnnxPredictor, 1 caller", Find(results, nameof(DirectBenchmarks), nameof(DirectBenchmarks.Predictor))),
            ("UseBatching, 1 caller", Find(results, nameof(BatchingBenchmarks), nameof(BatchingBenchmarks.Batched), FewCallers)),
            ($"raw row by row, {ManyCallers} callers",
                Find(results, nameof(BatchingBenchmarks), nameof(BatchingBenchmarks.Raw), ManyCallers)),
            ($"UseBatching, {ManyCallers} callers",
                Find(results, nameof(BatchingBenchmarks), nameof(BatchingBenchmarks.Batched), ManyCallers)),
        ];
        if (!lines.Any(static line => line.Result?.Figures.RecordedCalls > 0)) return null;

        var plot = PlotStyle.Create($"Latency of single calls, {SuiteModel.Digits}", "percentile of the calls", "latency in µs");
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].Result is not { Figures: { RecordedCalls: > 0 } figures }) continue;

            // Beyond its last ten calls a distribution says nothing.
            var last = Math.Min(Nines(Percentiles[^1]), Math.Max(0.3, Math.Log10(figures.RecordedCalls / 10.0)));
            double[] nines = [.. Enumerable.Range(0, 200).Select(step => last * step / 199)];
            PlotStyle.AddLine(
                plot, lines[i].Name, nines,
                PlotStyle.Log(nines.Select(nine => figures.LatencyNanoseconds(100 - (100 * Math.Pow(10, -nine)))!.Value / 1000)), i,
                isDashed: lines[i].Result!.Method == nameof(DirectBenchmarks.Raw), hasMarkers: false);
        }

        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericManual(
            [.. Percentiles.Select(static percentile => new Tick(Nines(percentile), percentile.ToString(CultureInfo.InvariantCulture)))]);
        PlotStyle.UseLogarithms(plot);
        return PlotStyle.Save(plot, path, note);
    }

    private static double Nines(double percentile) => -Math.Log10(1 - (percentile / 100));

    private static SuiteResult? Find(IEnumerable<SuiteResult> results, string suite, string method, int? callers = null) =>
        results.FirstOrDefault(result =>
            result.Suite == suite && result.Method == method && result.Parameters["Model"] is SuiteModel.Digits
            && (callers is null || result.Parameters["Concurrency"] is int concurrency && concurrency == callers));
}
