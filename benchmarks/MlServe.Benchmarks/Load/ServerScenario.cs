using System.Globalization;
using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Load;

/// <summary>
/// Poisson arrivals; finds the highest rate at which 99 % of the requests keep the bound, and confirms it with a longer run of other
/// arrivals.
/// </summary>
internal sealed class ServerScenario(LoadSystem system, CancellationToken cancellationToken)
{
    private const double LowestRate = 0.1;
    private const double HighestRate = 2_000_000;
    private const double Precision = 1.03;
    private const double StepDown = 0.95;
    private const int Confirmations = 6;

    // As many queries as allow ten to miss.
    private const int Misses = 10;

    private readonly LoadSettings _settings = system.Settings;
    private readonly List<StepReport> _steps = [];
    private Disturbance _disturbance;
    private bool _isGeneratorLimit;
    private long _lost;
    private List<long> _lostIds = [];

    public LoadReport Run()
    {
        var (trialSeconds, confirmSeconds) = _settings switch
        {
            { Seconds: { } seconds } => (Math.Max(1, seconds / 10), seconds),
            { IsFull: true } => (20, 600),
            _ => (2.0, 15.0),
        };

        double? found = null;
        var (low, high) = Bracket(trialSeconds);
        while (low > 0 && high / low > Precision && !cancellationToken.IsCancellationRequested && _lost == 0)
        {
            var middle = Math.Sqrt(low * high);
            if (Passes(Trial("search", middle, trialSeconds))) low = middle;
            else high = middle;
        }

        StepReport? confirmed = null;
        for (var i = 0; i < Confirmations && low > 0 && found is null && !cancellationToken.IsCancellationRequested && _lost == 0; i++)
        {
            confirmed = Trial("confirm", low, confirmSeconds);
            if (Passes(confirmed)) found = low;
            else low *= StepDown;
        }

        return Report(found, confirmed);
    }

    /// <summary>A rate that passes, and one a little above that does not; 0 where none passes.</summary>
    private (double Low, double High) Bracket(double seconds)
    {
        var rate = Math.Clamp(500 / Math.Max(0.01, system.AloneMs), LowestRate, HighestRate);
        var first = Passes(Trial("search", rate, seconds));
        while (!cancellationToken.IsCancellationRequested && _lost == 0)
        {
            var next = first ? rate * 2 : rate / 2;
            if (next > HighestRate) return (rate, rate);
            if (next < LowestRate || (!first && next * _settings.Bound.TotalSeconds < 1e-4)) break;
            var passes = Passes(Trial("search", next, seconds));
            if (passes != first) return first ? (rate, next) : (next, rate);
            rate = next;
        }

        return (0, 0);
    }

    private StepReport Trial(string kind, double rate, double seconds)
    {
        var queries = EarlyStopping.MinQueries(_settings.Percentile, _settings.Confidence, Misses);
        var planned = Math.Max(seconds, 1.1 * queries / rate);
        var step = system.Step(string.Create(CultureInfo.InvariantCulture, $"{kind} {rate:0.#}/s"), rate, planned);
        var maxMissed = EarlyStopping.AllowedMisses(_settings.Percentile, _settings.Confidence, (long)(1.05 * planned * rate) + 1);
        var result = system.Open().Run([new(rate, planned)], [step], _settings.Seed + _steps.Count, maxMissed, cancellationToken);
        var report = system.Report(step);
        _steps.Add(report);
        _disturbance = _disturbance.And(result);
        _lost += report.Lost;
        _lostIds = [.. result.LostIds];
        _settings.Progress.Say(string.Create(CultureInfo.InvariantCulture,
            $"{report.Name}: p99 {report.P99Ms:0.###} ms, {report.Missed:n0} of {report.Offered:n0} missed, "
            + $"{Math.Max(0, report.AllowedMisses):n0} may: "
            + $"{(report.IsSpoiled ? "the generator was late" : report.KeepsBound ? "kept" : "not kept")}"));
        return report;
    }

    private bool Passes(StepReport step)
    {
        if (step is { IsSpoiled: true, Errors: 0, Lost: 0 } && step.UncorrectedMissed <= step.AllowedMisses) _isGeneratorLimit = true;
        return step is { KeepsBound: true, IsSpoiled: false, Errors: 0, Lost: 0 };
    }

    private LoadReport Report(double? found, StepReport? confirmed)
    {
        List<string> facts = [.. PeakVerdict.Facts(_steps, [], system.Outstanding.Twice)];
        var (verdict, reasons) = (found, cancellationToken.IsCancellationRequested) switch
        {
            (_, true) => (LoadVerdict.Cancelled, facts),
            _ when facts.Count > 0 => (LoadVerdict.Fail, facts),
            ({ }, _) when confirmed!.IsClockBroken =>
                (LoadVerdict.Void, ["the clock is broken: the mean latency is less than a queue can show"]),
            ({ } rate, _) =>
                (LoadVerdict.Pass, [FormattableString.Invariant($"{rate:0.#}/s keep the bound: p99 {confirmed!.P99Ms:0.###} ms")]),
            _ when _isGeneratorLimit =>
                (LoadVerdict.Void, _steps.Where(static step => step.IsSpoiled).TakeLast(1).Select(PeakVerdict.Lag).ToList()),
            _ =>
                (LoadVerdict.Fail,
                    [FormattableString.Invariant(
                        $"no rate keeps the bound; a caller alone waits {system.AloneMs:0.###} ms at the median")]),
        };
        return new()
        {
            Scenario = "server",
            Verdict = verdict,
            Reasons = reasons,
            Metric = "highest Poisson rate that keeps the bound, requests/s",
            Value = found,
            Steps = _steps,
            LostIds = _lostIds,
            Notes = found is not null && _isGeneratorLimit
                ? [_disturbance.ToString(), "higher rates were not found out: the generator was late, not the model"]
                : [_disturbance.ToString()],
        };
    }
}
