using System.Diagnostics;

namespace MlServe.Benchmarks.Measurement;

/// <summary>What one of many equal calls takes by itself, for claims that are about a figure and not about a ratio.</summary>
internal static class CallCost
{
    private const int Rounds = 5;
    private const int RoundsUntilCompiled = 10;

    /// <param name="windows">Windows to measure.</param>
    /// <param name="action">Makes the given number of calls.</param>
    /// <param name="calls">Calls a window.</param>
    public static MedianEstimate Nanoseconds(int windows, Action<int> action, int calls)
    {
        for (var round = 0; round < RoundsUntilCompiled; round++)
            action(calls);
        var samples = new List<double>(windows);
        for (var window = 0; window < windows; window++)
        {
            var started = Stopwatch.GetTimestamp();
            action(calls);
            samples.Add(Stopwatch.GetElapsedTime(started).TotalNanoseconds / calls);
        }

        return MedianEstimate.Of(samples);
    }

    /// <summary>
    /// Bytes that the whole process allocates a call, in the round in which it allocated least: what else goes on in it is not the call's.
    /// </summary>
    public static double Bytes(Action<int> action, int calls)
    {
        var least = double.MaxValue;
        for (var round = 0; round < Rounds; round++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            action(calls);
            least = Math.Min(least, (double)(GC.GetTotalAllocatedBytes(precise: true) - before) / calls);
        }

        return Math.Round(least, 3);
    }
}
