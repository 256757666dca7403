using MlServe.Benchmarks.Suites;

namespace MlServe.Benchmarks.Plots;

/// <summary>Predictions a second over the number of callers, with and without batches.</summary>
internal static class ThroughputPlot
{
    public static string? Draw(IReadOnlyList<SuiteResult> results, string path, string? note)
    {
        var lines = results.Where(static result => result.Suite == nameof(BatchingBenchmarks))
            .GroupBy(static result => (Model: (string)result.Parameters["Model"]!, result.Method)).ToList();
        if (lines.Count == 0) return null;

        var plot = PlotStyle.Create("Batching: throughput over callers", "callers that each wait for their answer", "predictions a second");
        var models = lines.Select(static line => line.Key.Model).Distinct().ToList();
        foreach (var line in lines)
        {
            var isRaw = line.Key.Method == nameof(BatchingBenchmarks.Raw);
            var points = line.OrderBy(Callers).ToList();
            PlotStyle.AddLine(
                plot, $"{line.Key.Model}{(isRaw ? ", row by row" : ", UseBatching")}",
                PlotStyle.Log(points.Select(Callers)), PlotStyle.Log(points.Select(static point => point.Figures.PredictionsPerSecond)),
                models.IndexOf(line.Key.Model), isDashed: isRaw);
        }

        PlotStyle.UseTicks(
            plot.Axes.Bottom, results.Where(static result => result.Suite == nameof(BatchingBenchmarks)).Select(Callers).Distinct());
        PlotStyle.UseLogarithms(plot);
        return PlotStyle.Save(plot, path, note);
    }

    private static double Callers(SuiteResult result) => (int)result.Parameters["Concurrency"]!;
}
