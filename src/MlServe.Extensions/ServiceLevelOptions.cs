namespace MlServe;

/// <summary>A <see cref="ServiceLevel"/> as configuration gives it.</summary>
public sealed class ServiceLevelOptions
{
    /// <summary>
    /// The latency that half of the answers keep, seen by the caller; greater than 00:00:00, at most that of <see cref="P99"/>. Default:
    /// null, no promise.
    /// </summary>
    public TimeSpan? P50 { get; set; }

    /// <summary>The latency that 99 % of the answers keep, seen by the caller; greater than 00:00:00. Default: null, no promise.</summary>
    public TimeSpan? P99 { get; set; }

    /// <summary>The share of requests that get an answer, greater than 0 and less than 1 (0.999, say). Default: null, no promise.</summary>
    public double? Availability { get; set; }

    /// <summary>The highest rate to expect, in requests a second; greater than 0. Default: null, not known.</summary>
    public double? PeakRps { get; set; }

    /// <summary>
    /// The share of answers that turn out right when the truth becomes known later, greater than 0 and at most 1. The application decides
    /// which answers are right. Default: null, no promise.
    /// </summary>
    public double? Quality { get; set; }

    /// <summary>The most that a million predictions may cost, in the reader's currency; greater than 0. Default: null, no bound.</summary>
    public double? CostPerMillion { get; set; }

    internal ServiceLevel ToServiceLevel() => new()
    {
        P50 = P50,
        P99 = P99,
        Availability = Availability,
        PeakRps = PeakRps,
        Quality = Quality,
        CostPerMillion = CostPerMillion,
    };
}
