using MlServe.Benchmarks.Suites;

namespace MlServe.Benchmarks.Plots;

/// <summary>What a million predictions cost over the batch size, and what they cost behind the batcher.</summary>
internal static class CostPlot
{
    private const int Callers = 512;

    public static string? Draw(IReadOnlyList<SuiteResult> results, string path, decimal hourlyPrice, string? note)
    {
        var lines = results.Where(static result => result.Suite == nameof(BatchSizeBenchmarks))
            .GroupBy(static result => (string)result.Parameters["Model"]!).ToList();
        if (lines.Count == 0 || hourlyPrice == 0) return null;

        var plot = PlotStyle.Create(
            FormattableString.Invariant($"Cost of a million predictions at {hourlyPrice} an hour, machine never idle"), "rows in a batch",
            "cost of 1,000,000 predictions, currency of the price");
        double[] batches = [.. lines.SelectMany(static line => line).Select(Batch).Distinct().Order()];
        for (var i = 0; i < lines.Count; i++)
        {
            var points = lines[i].OrderBy(Batch).ToList();
            PlotStyle.AddLine(
                plot, $"{lines[i].Key}, all rows at hand", PlotStyle.Log(points.Select(Batch)),
                PlotStyle.Log(points.Select(static point => point.Figures.CostPerMillion!.Value)), i);
            var batched = results.FirstOrDefault(result => result.Suite == nameof(BatchingBenchmarks)
                && result.Method == nameof(BatchingBenchmarks.Batched)
                && result.Parameters["Model"] is string model && model == lines[i].Key && result.Parameters["Concurrency"] is Callers);
            if (batched?.Figures.CostPerMillion is { } cost)
            {
                PlotStyle.AddLine(
                    plot, $"{lines[i].Key}, UseBatching, {Callers} callers", PlotStyle.Log([batches[0], batches[^1]]),
                    PlotStyle.Log([cost, cost]), i, isDashed: true, hasMarkers: false);
            }
        }

        PlotStyle.UseTicks(plot.Axes.Bottom, batches);
        PlotStyle.UseLogarithms(plot);
        return PlotStyle.Save(plot, path, note);
    }

    private static double Batch(SuiteResult result) => (int)result.Parameters["Batch"]!;
}
