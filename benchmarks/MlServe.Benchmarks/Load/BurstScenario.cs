using System.Globalization;
using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Load;

/// <summary>
/// Poisson arrivals whose rate goes up and down: each second of three times the mean is followed by four of half of it. The mean is that of
/// a steady run, the bursts are what callers who come together make.
/// </summary>
internal static class BurstScenario
{
    public const double OnSeconds = 1;
    public const double OffSeconds = 4;
    public const double OnFactor = 3;
    public const double OffFactor = 0.5;

    private const double Period = OnSeconds + OffSeconds;

    // Where recovery is looked for: windows that hold a hundred requests and more at usual rates, and end before the next burst.
    private const double WindowSeconds = 0.5;

    /// <summary>The phases of a number of bursts; group 0 in bursts, group 1 between them.</summary>
    public static IReadOnlyList<RatePhase> Phases(double mean, int bursts) =>
    [
        .. Enumerable.Range(0, bursts)
            .SelectMany(_ => new RatePhase[] { new(OnFactor * mean, OnSeconds, 0), new(OffFactor * mean, OffSeconds, 1) }),
    ];

    public static LoadReport Run(LoadSystem system, double mean, CancellationToken cancellationToken)
    {
        var settings = system.Settings;
        var bursts = (int)Math.Max(2, Math.Round((settings.Seconds ?? (settings.IsFull ? 600 : 30)) / Period));
        system.Open()
            .Run(
                [new(OnFactor * mean, 1)], [system.Step("warm-up", OnFactor * mean, 1)], settings.Seed,
                cancellationToken: cancellationToken);
        StepRecorder[] steps =
        [
            system.Step("in bursts", OnFactor * mean, bursts * OnSeconds),
            system.Step("between bursts", OffFactor * mean, bursts * OffSeconds),
        ];
        var result = system.Open().Run(Phases(mean, bursts), steps, settings.Seed, cancellationToken: cancellationToken);
        StepReport[] reports = [.. steps.Select(step => StepReport.Of(step, settings))];

        double?[] recoveries = [.. Enumerable.Range(0, bursts)
            .Select(i => result.Slots.RecoveryAfter((i * Period) + OnSeconds, (i + 1) * Period, WindowSeconds))];
        double? slowest = recoveries.All(static recovery => recovery is not null) ? recoveries.Max() : null;
        List<string> facts = [.. PeakVerdict.Facts(reports, [], result.Twice)];
        var verdict = result.IsCancelled ? LoadVerdict.Cancelled
            : facts.Count > 0 ? LoadVerdict.Fail
            : reports.Any(static report => report.IsSpoiled) ? LoadVerdict.Void
            : LoadVerdict.Pass;
        if (verdict == LoadVerdict.Pass) facts.Add("none failed, none lost; bursts have no bound to keep");
        if (verdict == LoadVerdict.Void) facts.AddRange(reports.Where(static report => report.IsSpoiled).Select(PeakVerdict.Lag));
        var shed = reports.Sum(static report => report.Shed);
        return new()
        {
            Scenario = "burst",
            Verdict = verdict,
            Reasons = facts,
            Metric = "99th percentile in bursts, ms",
            Value = reports[0].P99Ms,
            Steps = reports,
            RecoverySeconds = slowest,
            LostIds = [.. result.LostIds],
            Notes =
            [
                default(Disturbance).And(result).ToString(),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{bursts} bursts; {100.0 * shed / Math.Max(1, reports.Sum(static report => report.Offered)):0.##} % refused"),
                slowest is { } seconds
                    ? string.Create(CultureInfo.InvariantCulture, $"the bound was kept again {seconds:0.0} s after a burst, at the latest")
                    : $"after {recoveries.Count(static recovery => recovery is null)} of the bursts the bound was not kept again before "
                        + "the next",
            ],
        };
    }
}
