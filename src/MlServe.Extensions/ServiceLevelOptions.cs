namespace MlServe;

/// <summary>A <see cref="ServiceLevel"/> as configuration gives it.</summary>
public sealed class ServiceLevelOptions
{
    /// <summary>The latency that 99 % of the answers keep, seen by the caller; greater than 00:00:00. Default: null, no promise.</summary>
    public TimeSpan? P99 { get; set; }

    /// <summary>The share of requests that get an answer, greater than 0 and less than 1 (0.999, say). Default: null, no promise.</summary>
    public double? Availability { get; set; }

    /// <summary>The highest rate to expect, in requests a second; greater than 0. Default: null, not known.</summary>
    public double? PeakRps { get; set; }

    internal ServiceLevel ToServiceLevel() => new() { P99 = P99, Availability = Availability, PeakRps = PeakRps };
}
