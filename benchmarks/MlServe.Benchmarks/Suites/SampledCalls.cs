using System.Diagnostics;
using MlServe.Benchmarking;

namespace MlServe.Benchmarks.Suites;

/// <summary>Runs calls and records one of eight: reading the clock at each would lengthen the shortest models by a tenth.</summary>
internal static class SampledCalls
{
    private const int OneOf = 8;

    /// <summary>Makes that many calls, a multiple of eight.</summary>
    public static void Run(int calls, Action<int> run)
    {
        for (var done = 0; done < calls; done += OneOf)
        {
            var started = Stopwatch.GetTimestamp();
            run(1);
            CallLatency.RecordSince(started);
            run(OneOf - 1);
        }
    }
}
