using System.Globalization;
using System.Runtime;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>What a fresh process has shown.</summary>
/// <param name="FirstMs">From the entry of the program until every model has answered once, in milliseconds.</param>
/// <param name="ReadyMs">Until the host was ready; 0 without a host.</param>
/// <param name="Answered">The models that answered.</param>
/// <param name="PeakMiB">The largest working set.</param>
/// <param name="ResidentMiB">The working set after a full collection.</param>
/// <param name="CompilerMs">The time of the runtime's compiler, on all threads.</param>
/// <param name="CompiledMethods">The methods that it compiled.</param>
internal sealed record LoadResult(
    double FirstMs, double ReadyMs, int Answered, double PeakMiB, double ResidentMiB, double CompilerMs, long CompiledMethods)
{
    public static LoadResult Of(double firstMs, int answered)
    {
        var (compiler, methods) = (JitInfo.GetCompilationTime().TotalMilliseconds, JitInfo.GetCompiledMethodCount());
        var peak = Status("VmHWM:");
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        return new(firstMs, 0, answered, peak, Status("VmRSS:"), compiler, methods);
    }

    /// <summary>A line of what the system says of the process, in MiB; NaN if the system does not say it.</summary>
    private static double Status(string name)
    {
        const string Path = "/proc/self/status";
        if (!File.Exists(Path)) return double.NaN;
        var line = File.ReadLines(Path).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));
        return line is null
            ? double.NaN
            : double.Parse(line[name.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture) / 1024;
    }
}
