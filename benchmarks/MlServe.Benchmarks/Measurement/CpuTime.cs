using System.Diagnostics;

namespace MlServe.Benchmarks.Measurement;

/// <summary>What a row costs in processor time, over the whole process: threads that wait by spinning show here and nowhere else.</summary>
internal static class CpuTime
{
    /// <summary>Microseconds a row.</summary>
    public static double PerRow(Action<int> run, int rows)
    {
        using var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;
        run(rows);
        process.Refresh();
        return (process.TotalProcessorTime - before).TotalMicroseconds / rows;
    }
}
