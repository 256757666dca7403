using System.Diagnostics;
using System.Runtime.InteropServices;

namespace MlServe.Onnx;

/// <summary>
/// Binds this process before it looks at a model. On Linux the operating system holds it to its memory and processor time; elsewhere the
/// process that started it watches. A process whose host is gone ends by itself.
/// </summary>
internal static partial class ProcessLimits
{
    // Numbers of setrlimit(2) on Linux. RLIMIT_DATA counts memory that can be written and is the process's own (since Linux 4.7); RLIMIT_AS
    // would count what .NET reserves as well.
    private const int ProcessorTime = 0;
    private const int Data = 2;
    private const int CoreFile = 4;

    private const long Slack = 30;

    private static Timer? _end;

    public static void Apply(long maxMemoryBytes, TimeSpan timeout)
    {
        _end = new(static _ => Process.GetCurrentProcess().Kill(), null, timeout + TimeSpan.FromSeconds(Slack), Timeout.InfiniteTimeSpan);
        if (!OperatingSystem.IsLinux()) return;
        Set(Data, (ulong)maxMemoryBytes);

        // No file of gigabytes for each model that crashes.
        Set(CoreFile, 0);
        Set(ProcessorTime, (ulong)Math.Min(long.MaxValue, ((long)timeout.TotalSeconds + Slack) * Environment.ProcessorCount));
    }

    private static void Set(int resource, ulong value)
    {
        var limit = new Limit { Soft = value, Hard = value };
        if (SetLimit(resource, in limit) == 0) return;
        throw new ModelLoadException(
            ModelLoadFailure.VerificationFailed,
            $"The operating system does not bind this process (resource {resource}, {value}): {Marshal.GetLastPInvokeErrorMessage()}.");
    }

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    private static partial int SetLimit(int resource, in Limit limit);

    [StructLayout(LayoutKind.Sequential)]
    private struct Limit
    {
        public ulong Soft;
        public ulong Hard;
    }
}
