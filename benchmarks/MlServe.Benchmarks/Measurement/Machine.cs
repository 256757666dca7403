using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace MlServe.Benchmarks.Measurement;

/// <summary>Says on what a figure was measured.</summary>
internal static class Machine
{
    public static string Describe() =>
        $"{Processor()}, {Environment.ProcessorCount} cores; {RuntimeInformation.FrameworkDescription}; "
        + $"ONNX Runtime {OrtEnv.Instance().GetVersionString()}; {RuntimeInformation.OSDescription}";

    private static string Processor()
    {
        const string Key = "model name";
        if (!File.Exists("/proc/cpuinfo")) return RuntimeInformation.ProcessArchitecture.ToString();
        var line = File.ReadLines("/proc/cpuinfo").FirstOrDefault(static line => line.StartsWith(Key, StringComparison.Ordinal));
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
