using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;

namespace MlServe.Guests;

/// <summary>
/// The instruments of one host, one set of a kind. A meter keeps observable instruments for ever, so each must be made once however many
/// models report to it.
/// </summary>
internal static class HostInstruments
{
    /// <summary>
    /// The buckets of all histograms of durations, in seconds: the fastest models take some ten microseconds, and the slowest some seconds.
    /// </summary>
    public static readonly InstrumentAdvice<double> Durations = new()
    {
        HistogramBucketBoundaries = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    };

    /// <summary>The instruments of a host, by its meter; the first to ask makes them.</summary>
    /// <param name="meter">The host's, or the process's.</param>
    /// <param name="make">Makes them.</param>
    public static T For<T>(GuardedMeter meter, Func<GuardedMeter, T> make)
        where T : class
    {
        // Made lazily, so that a listener which is told of an instrument and takes its time holds up nobody but its own host.
        return (T)Kind<T>.OfHosts.GetValue(meter, meter => new(() => make(meter))).Value;
    }

    private static class Kind<T>
        where T : class
    {
        public static readonly ConditionalWeakTable<GuardedMeter, Lazy<object>> OfHosts = [];
    }
}
