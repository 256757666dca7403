using System.Runtime.CompilerServices;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace MlServe.Benchmarking;

/// <summary>The latencies of calls in a benchmark, from any process that it ran in.</summary>
internal static class RecordedLatencies
{
    private static readonly ConditionalWeakTable<BenchmarkCase, LatencyHistogram> InProcess = [];

    /// <summary>Keeps a histogram that was recorded in this process; all launches of a benchmark count together.</summary>
    public static void Keep(BenchmarkCase benchmarkCase, LatencyHistogram histogram) =>
        InProcess.GetValue(benchmarkCase, static _ => new()).Add(histogram);

    /// <summary>Null if nothing was recorded.</summary>
    public static LatencyHistogram? Of(BenchmarkReport report)
    {
        LatencyHistogram? all = InProcess.TryGetValue(report.BenchmarkCase, out var kept) ? kept.Copy() : null;
        foreach (var line in report.ExecuteResults.SelectMany(static result => result.StandardOutput ?? []))
        {
            if (LatencyLine.Parse(line) is not { } histogram) continue;
            if (all is null) all = histogram;
            else all.Add(histogram);
        }

        return all;
    }
}
