using System.Diagnostics;
using System.Runtime.InteropServices;

namespace MlServe.Quantization.Runtime;

/// <summary>How long the processor has worked on the thread that asks (POSIX, CLOCK_THREAD_CPUTIME_ID).</summary>
internal static partial class ThreadClock
{
    private const int LinuxThread = 3;
    private const int DarwinThread = 16;
    private const double NanosecondsPerSecond = 1e9;

    /// <summary>Whether this system has such a clock; elsewhere the time on the wall has to do.</summary>
    public static bool IsAvailable { get; } = Environment.Is64BitProcess && (OperatingSystem.IsLinux() || OperatingSystem.IsMacOS())
        && TryRead(out _);

    /// <summary>Seconds of this thread; only differences count.</summary>
    public static double Seconds() =>
        TryRead(out var seconds) ? seconds : throw new InvalidOperationException("The clock of threads cannot be read.");

    /// <summary>Seconds on the wall.</summary>
    public static double WallSeconds() => Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;

    private static bool TryRead(out double seconds)
    {
        seconds = 0;
        try
        {
            if (ClockGetTime(OperatingSystem.IsMacOS() ? DarwinThread : LinuxThread, out var time) != 0) return false;
            seconds = time.Seconds + (time.Nanoseconds / NanosecondsPerSecond);
            return true;
        }
        catch (Exception exception) when (exception is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int ClockGetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct TimeSpec
    {
        public readonly long Seconds;
        public readonly long Nanoseconds;
    }
}
