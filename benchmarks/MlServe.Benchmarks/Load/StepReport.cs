using System.Text.Json.Serialization;
using HdrHistogram;

namespace MlServe.Benchmarks.Load;

/// <summary>
/// The figures of one step. Times in milliseconds; percentiles of answers, by the moment at which the request was due; null where there are
/// none.
/// </summary>
internal sealed record StepReport
{
    public required string Name { get; init; }

    /// <summary>Requests a second that were asked for; 0 where callers wait for their answers.</summary>
    public double Rate { get; init; }

    public double Seconds { get; init; }

    public long Offered { get; init; }

    public long Ok { get; init; }

    public long Late { get; init; }

    public long Shed { get; init; }

    public long Errors { get; init; }

    public long Lost { get; init; }

    public long Unsent { get; init; }

    /// <summary>All that did not get an answer within the bound.</summary>
    public long Missed { get; init; }

    /// <summary>As many of them as 99 % within the bound allows; negative: too few requests to say.</summary>
    public long AllowedMisses { get; init; }

    /// <summary>Answers within the bound a second.</summary>
    public double Goodput { get; init; }

    public double? MeanMs { get; init; }

    public double? P50Ms { get; init; }

    public double? P90Ms { get; init; }

    public double? P99Ms { get; init; }

    public double? P999Ms { get; init; }

    public double? MaxMs { get; init; }

    /// <summary>The 99th percentile counted from the moment at which requests were really sent.</summary>
    public double? UncorrectedP99Ms { get; init; }

    /// <summary>Missed, had latencies been counted from the moment of sending; to a thousandth of the bound.</summary>
    public long UncorrectedMissed { get; init; }

    public double? LagP99Ms { get; init; }

    /// <summary>The share of a core that the generator's thread took.</summary>
    public double GeneratorCpu { get; init; }

    public bool IsSpoiled { get; init; }

    public bool IsClockBroken { get; init; }

    public string? FirstError { get; init; }

    public bool KeepsBound => Missed <= AllowedMisses;

    [JsonIgnore]
    public HistogramBase? Latency { get; init; }

    public static StepReport Of(StepRecorder step, LoadSettings settings, double? serviceMs = null)
    {
        var latency = step.Latency;
        return new()
        {
            Name = step.Name,
            Rate = step.Rate,
            Seconds = step.Seconds,
            Offered = step.Total,
            Ok = step.Ok,
            Late = step.Late,
            Shed = step.Shed,
            Errors = step.Errors,
            Lost = step.Lost,
            Unsent = step.Unsent,
            Missed = step.Missed,
            AllowedMisses = EarlyStopping.AllowedMisses(settings.Percentile, settings.Confidence, step.Total),
            Goodput = step.Seconds > 0 ? (step.Ok - step.Late) / step.Seconds : 0,
            MeanMs = Known(latency.MeanMilliseconds()),
            P50Ms = Known(latency.Milliseconds(0.5)),
            P90Ms = Known(latency.Milliseconds(0.9)),
            P99Ms = Known(latency.Milliseconds(0.99)),
            P999Ms = Known(latency.Milliseconds(0.999)),
            MaxMs = Known(latency.Milliseconds(1)),
            UncorrectedP99Ms = Known(step.FromSend.Milliseconds(0.99)),
            UncorrectedMissed = step.Missed - step.Late + step.FromSend.CountAbove((long)settings.Bound.TotalNanoseconds),
            LagP99Ms = Known(step.Lag.Milliseconds(0.99)),
            GeneratorCpu = step.Seconds > 0 ? step.CpuSeconds / step.Seconds : 0,
            IsSpoiled = settings.IsSpoiled(step),
            IsClockBroken = QueueBound.IsBroken(step, serviceMs),
            FirstError = step.FirstError,
            Latency = latency,
        };
    }

    private static double? Known(double value) => double.IsFinite(value) ? value : null;
}
