using System.Diagnostics;

namespace MlServe.Benchmarking;

/// <summary>
/// Records how long single calls take inside a benchmark. BenchmarkDotNet itself times iterations of many calls, and a percentile of their
/// means says nothing about a slow call.
/// </summary>
/// <remarks>
/// Only calls that are recorded during the iterations that BenchmarkDotNet measures count; at other times (warm-up, pilot, outside of a
/// benchmark) recording does nothing. Calls go into a histogram with three significant digits (HdrHistogram, Gil Tene) of the process in
/// which the benchmark runs. Recording allocates nothing and may be done from any number of threads. Reading the clock twice and recording
/// take time, which the mean then has in it. If a call takes a few microseconds, record one of some.
/// </remarks>
public static class CallLatency
{
    private static readonly double NanosecondsPerTick = 1e9 / Stopwatch.Frequency;

    /// <summary>Records a call that began at a timestamp and has just ended.</summary>
    /// <param name="startTimestamp">The value of <see cref="Stopwatch.GetTimestamp"/> when the call began.</param>
    public static void RecordSince(long startTimestamp) =>
        EngineListener.Instance.Record((Stopwatch.GetTimestamp() - startTimestamp) * NanosecondsPerTick);

    /// <summary>Records a call.</summary>
    /// <param name="duration">How long it took. Below 1 ns it counts as 1 ns, above ten minutes as ten minutes.</param>
    public static void Record(TimeSpan duration) => EngineListener.Instance.Record(duration.TotalNanoseconds);
}
