using System.CommandLine;
using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>Measures all rows, prints them as a table and writes them as JSON. A verdict is no failure: the exit code is 0 whatever they say.</summary>
internal static class ScorecardCommand
{
    // By the beginning of the rows' names, so that one row can be measured without the others.
    private static readonly (string Prefix, Func<int, IEnumerable<ScorecardRow>> Measure)[] Groups =
    [
        ("direct.", DirectRows.Measure),
        ("cache.", CacheRows.Measure),
        ("resilience.", ResilienceRows.Measure),
        ("batching.lone_latency_vs_raw", static windows => [BatchingRows.LoneLatency(windows)]),
        ("batching.throughput_vs_limit.mlp", static windows => [BatchingRows.MlpVsLimit(windows)]),
        ("batching.throughput_vs_limit.cnn", static windows => [BatchingRows.CnnVsLimit(windows)]),
        ("batching.throughput_vs_unbatched.tiny", static windows => [BatchingRows.TinyVsUnbatched(windows)]),
        ("batching.fanout", static windows => [BatchingRows.FanOut(windows)]),
        ("batching.p99_vs_unbatched", BatchingLoadRows.Latency),
        ("batching.overload_goodput", static _ => [BatchingLoadRows.OverloadGoodput()]),
        ("batching.refusal_ns", static windows => [BatchingLoadRows.Refusal(windows)]),
        ("batching.neighbour_p99_ms", NeighbourRows.Measure),
        ("batching.bytes", static _ => [BatchingLoadRows.Bytes()]),
    ];

    public static Command Create()
    {
        var json = new Option<FileInfo?>("--json") { Description = "Also write the rows as JSON." };
        var only = new Option<string>("--only") { Description = "Only rows whose name begins so.", DefaultValueFactory = static _ => "" };
        var windows = new Option<int>("--windows") { Description = "Pairs of windows a row, 15 or more.", DefaultValueFactory = static _ => 21 };
        windows.Validators.Add(static result =>
        {
            if (result.GetValueOrDefault<int>() < 15) result.AddError("--windows takes 15 or more.");
        });

        var command = new Command("scorecard", "Every claim as a row with an interval and a verdict.") { json, only, windows };
        command.SetAction(async (arguments, cancellationToken) =>
            await RunAsync(arguments.GetValue(json), arguments.GetValue(only)!, arguments.GetValue(windows), cancellationToken));
        return command;
    }

    private static async Task RunAsync(FileInfo? json, string only, int windows, CancellationToken cancellationToken)
    {
        Console.WriteLine(Machine.Describe());
        var rows = new List<ScorecardRow>();
        foreach (var (prefix, measure) in Groups)
        {
            if (!prefix.StartsWith(only, StringComparison.Ordinal) && !only.StartsWith(prefix, StringComparison.Ordinal)) continue;
            cancellationToken.ThrowIfCancellationRequested();
            foreach (var row in measure(windows))
            {
                rows.Add(row);
                Console.WriteLine(ScorecardText.Format(row));
            }
        }

        if (json is not null) await File.WriteAllTextAsync(json.FullName, ScorecardText.ToJson(rows), cancellationToken);
    }
}
