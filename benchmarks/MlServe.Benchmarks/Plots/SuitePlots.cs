using MlServe.Benchmarks.Suites;

namespace MlServe.Benchmarks.Plots;

/// <summary>Draws what the run that has just ended found; a picture whose benchmarks did not run is left out.</summary>
internal static class SuitePlots
{
    public static IEnumerable<string> Draw(IReadOnlyList<SuiteResult> results, string folder, decimal hourlyPrice, string? note)
    {
        var drawn = new[]
        {
            ThroughputPlot.Draw(results, Path.Combine(folder, "throughput.png"), note),
            LatencyPlot.Draw(results, Path.Combine(folder, "latency.png"), note),
            CostPlot.Draw(results, Path.Combine(folder, "cost.png"), hourlyPrice, note),
        };
        return drawn.OfType<string>();
    }
}
