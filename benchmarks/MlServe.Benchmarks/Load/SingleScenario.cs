namespace MlServe.Benchmarks.Load;

/// <summary>One caller who asks again when it has its answer; reports the 90th percentile with confidence.</summary>
internal static class SingleScenario
{
    private const double Percentile = 0.90;

    public static async Task<LoadReport> RunAsync(LoadSystem system, CancellationToken cancellationToken)
    {
        var settings = system.Settings;
        var seconds = settings.Seconds ?? (settings.IsFull ? 600 : 10);
        var step = LoadSystem.Unbounded("single");
        var queries = EarlyStopping.MinQueries(Percentile, settings.Confidence, 5);
        await system.Closed().RunAsync(step, 1, seconds, queries, Math.Max(seconds, 60), cancellationToken);

        var report = system.Report(step);
        var rank = EarlyStopping.EstimateRank(Percentile, settings.Confidence, step.Latency.TotalCount);
        var estimate = rank is { } known ? step.Latency.MillisecondsAtRank(known) : (double?)null;
        List<string> reasons = [.. PeakVerdict.Facts([report], [], system.Outstanding.Twice)];
        if (estimate is null)
            reasons.Add(
                $"{step.Ok} answers are too few for an estimate; {EarlyStopping.MinQueries(Percentile, settings.Confidence, 0)} are "
                + "needed: --seconds");
        return new()
        {
            Scenario = "single",
            Verdict = cancellationToken.IsCancellationRequested ? LoadVerdict.Cancelled
                : reasons.Count == 0 ? LoadVerdict.Pass
                : LoadVerdict.Fail,
            Reasons = reasons,
            Metric = "90th percentile of latency (early-stopping estimate), ms",
            Value = estimate,
            Steps = [report],
        };
    }
}
