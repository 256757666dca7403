namespace MlServe.Benchmarks.Load;

/// <summary>All samples are there from the beginning, and as many are outstanding as a queue takes; reports samples a second.</summary>
internal static class OfflineScenario
{
    public const long MinSamples = 24_576;

    private const int Callers = 1024;

    public static async Task<LoadReport> RunAsync(LoadSystem system, CancellationToken cancellationToken)
    {
        var settings = system.Settings;
        var seconds = settings.Seconds ?? (settings.IsFull ? 600 : 10);
        var closed = system.Closed();
        var step = LoadSystem.Unbounded("offline");
        await closed.RunAsync(
            step, Callers, seconds, MinSamples, settings.IsFull ? double.MaxValue / 1e9 : Math.Max(seconds, 60), cancellationToken);

        var report = system.Report(step);
        List<string> reasons = [.. PeakVerdict.Facts([report], [], system.Outstanding.Twice)];
        List<string> notes = [$"{Callers} outstanding; latencies are those of the samples, from their own submission"];
        if (closed.Refused > 0) notes.Add($"{closed.Refused} refusals, asked again");
        if (step.Ok < MinSamples) notes.Add($"{step.Ok} samples in the time there was; LoadGen asks for {MinSamples}");
        return new()
        {
            Scenario = "offline",
            Verdict = cancellationToken.IsCancellationRequested ? LoadVerdict.Cancelled
                : reasons.Count == 0 ? LoadVerdict.Pass
                : LoadVerdict.Fail,
            Reasons = reasons,
            Metric = "samples/s",
            Value = step.Ok / step.Seconds,
            Steps = [report],
            Notes = notes,
        };
    }
}
