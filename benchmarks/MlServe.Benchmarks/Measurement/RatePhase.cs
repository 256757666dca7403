namespace MlServe.Benchmarks.Measurement;

/// <summary>A stretch of time with one rate.</summary>
/// <param name="Rate">Requests a second.</param>
/// <param name="Seconds">How long it lasts.</param>
/// <param name="Group">Which phases are counted together.</param>
internal readonly record struct RatePhase(double Rate, double Seconds, int Group = 0)
{
    // A sleep on an idle machine ends up to about a tenth of a millisecond late.
    private const double LongestSpin = 100e-6;

    /// <summary>
    /// How long before a request is due to stop sleeping, in nanoseconds, so that waiting awake takes no more than a share of a core.
    /// </summary>
    public long SpinWithin(double share) => Rate > 0 ? (long)(1e9 * Math.Min(LongestSpin, share / Rate)) : 0;
}
