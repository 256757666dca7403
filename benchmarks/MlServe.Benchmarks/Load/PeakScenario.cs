using System.Globalization;
using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Load;

/// <summary>Half the peak up to two and a half times the peak, and at once back to half.</summary>
internal sealed class PeakScenario(LoadSystem system, double peak, CancellationToken cancellationToken)
{
    public const double Decisive = 2;

    private const double Highest = 2.5;
    private const double Lowest = 0.5;
    private const double WarmUpSeconds = 2;

    private static readonly double[] Factors = [Lowest, 1, 1.5, Decisive, Highest];

    private readonly LoadSettings _settings = system.Settings;

    public LoadReport Run()
    {
        var seconds = StepSeconds(_settings, peak);

        // Until a window begins at the last moment that is allowed.
        var window = Math.Max(1, Math.Ceiling(100 / (Lowest * peak)));
        var after = PeakVerdict.MaxRecoverySeconds + window + TimeSlots.SlotSeconds;

        // Made beforehand, so that their memory is not taken for the model's.
        StepRecorder[] all =
            [.. Factors.Select(factor => Step(Name(factor), factor, seconds)), Step($"back to {Name(Lowest)}", Lowest, after)];

        // Bounded pools and the runtime's arenas fill up once: what grows after that is a leak.
        system.Open()
            .Run(
                [new(Highest * peak, WarmUpSeconds)], [Step("warm-up", Highest, WarmUpSeconds)], _settings.Seed,
                cancellationToken: cancellationToken);
        List<MemorySample> memory = [MemorySample.Take()];
        var reports = new List<StepReport>();
        var lost = new List<long>();
        double? recovery = null;
        long allocated = 0, twice = 0;
        var disturbance = default(Disturbance);
        foreach (var factor in Factors)
        {
            if (cancellationToken.IsCancellationRequested) break;
            var isLast = factor == Highest;
            StepRecorder[] steps = isLast ? all[^2..] : [all[reports.Count]];
            RatePhase[] phases = [.. steps.Select(static (step, index) => new RatePhase(step.Rate, step.Seconds, index))];
            var result = system.Open().Run(phases, steps, _settings.Seed + reports.Count, cancellationToken: cancellationToken);
            reports.AddRange(steps.Select(system.Report)
                .Select((report, index) => index == 1 ? report with { IsClockBroken = false } : report));
            lost.AddRange(result.LostIds);
            allocated += result.AllocatedBytes;
            disturbance = disturbance.And(result);
            twice = result.Twice;
            if (isLast && !result.IsCancelled) recovery = result.Slots.RecoveryAfter(seconds, seconds + after, window);
            memory.Add(MemorySample.Take());
        }

        var isCancelled = cancellationToken.IsCancellationRequested;
        var (verdict, reasons) = isCancelled
            ? (LoadVerdict.Cancelled, [.. PeakVerdict.Facts(reports, [], twice)])
            : PeakVerdict.Decide(reports, reports[Array.IndexOf(Factors, Decisive)], memory, recovery, twice);
        return new()
        {
            Scenario = "peak",
            Verdict = verdict,
            Reasons = reasons,
            Metric = "99th percentile at 2 x the peak, ms",
            Value = reports.Count > 3 ? reports[3].P99Ms : null,
            Steps = reports,
            Memory = memory,
            RecoverySeconds = recovery,
            LostIds = lost,
            Notes =
            [
                disturbance.ToString(),
                string.Create(CultureInfo.InvariantCulture,
                    $"{allocated / (double)Math.Max(1, reports.Sum(static report => report.Offered)):0} bytes allocated a request by the "
                        + $"whole process, the load test's own share included"),
            ],
        };
    }

    /// <summary>How long a step lasts: as asked for, or long enough that some misses can be told from many.</summary>
    public static double StepSeconds(LoadSettings settings, double peak)
    {
        var least = EarlyStopping.MinQueries(settings.Percentile, settings.Confidence, 0) / (Decisive * peak);
        if (settings.Seconds is not { } seconds)
            return Math.Max(
                settings.IsFull ? 120 : 10,
                Math.Ceiling(1.1 * EarlyStopping.MinQueries(settings.Percentile, settings.Confidence, 5) / (Decisive * peak)));
        return seconds >= least
            ? seconds
            : throw new LoadException(string.Create(
                CultureInfo.InvariantCulture,
                $"--seconds is {seconds}: at 2 x {peak}/s that gives about {Decisive * peak * seconds:0} requests, too few to say "
                    + $"anything at confidence {settings.Confidence}. It must be {Math.Ceiling(1.1 * least)} or more."));
    }

    private StepRecorder Step(string name, double factor, double seconds) => system.Step(name, factor * peak, seconds);

    private static string Name(double factor) => string.Create(CultureInfo.InvariantCulture, $"{factor:0.#} x");
}
