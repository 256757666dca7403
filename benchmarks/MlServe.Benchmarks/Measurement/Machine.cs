using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace MlServe.Benchmarks.Measurement;

/// <summary>Says on what a figure was measured.</summary>
internal static class Machine
{
    public static string Describe() =>
        $"{Processor()}, {Environment.ProcessorCount} cores; {RuntimeInformation.FrameworkDescription}; "
        + $"ONNX Runtime {OrtEnv.Instance().GetVersionString()}; {RuntimeInformation.OSDescription}";

    /// <summary>
    /// Processor time that a hypervisor has given to others while this machine wanted it, over all cores; 0 where that is not known.
    /// </summary>
    public static double StolenSeconds()
    {
        const string Path = "/proc/stat";
        const int Steal = 8;
        const double TicksPerSecond = 100;
        if (!File.Exists(Path)) return 0;
        string[] fields = File.ReadLines(Path).First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > Steal && long.TryParse(fields[Steal], NumberStyles.None, CultureInfo.InvariantCulture, out var ticks)
            ? ticks / TicksPerSecond
            : 0;
    }

    private static string Processor()
    {
        const string Key = "model name";
        if (!File.Exists("/proc/cpuinfo")) return RuntimeInformation.ProcessArchitecture.ToString();
        var line = File.ReadLines("/proc/cpuinfo").FirstOrDefault(static line => line.StartsWith(Key, StringComparison.Ordinal));
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
