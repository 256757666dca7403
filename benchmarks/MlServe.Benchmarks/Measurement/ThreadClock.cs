using System.Runtime.InteropServices;

namespace MlServe.Benchmarks.Measurement;

/// <summary>
/// Short sleeps, priority and processor time of the calling thread. Finer than .NET's own on Linux; elsewhere what .NET has.
/// </summary>
internal static partial class ThreadClock
{
    private const long LongestSleep = 10_000_000;

    /// <summary>Lets sleeps end when they should: the system rounds them up by 50 µs unless asked not to.</summary>
    public static void SharpenTimer()
    {
        const int SetTimerSlack = 29;
        if (OperatingSystem.IsLinux()) _ = Control(SetTimerSlack, 1, 0, 0, 0);
    }

    /// <summary>Puts the thread before all ordinary ones. Needs a right that containers often lack; false where it is not given.</summary>
    public static bool TryRaisePriority()
    {
        const int FirstInFirstOut = 1;
        const int ByThread = 0;
        if (!OperatingSystem.IsLinux()) return false;
        var lowest = 1;
        return SetScheduler(0, FirstInFirstOut, in lowest) == 0 || SetPriority(ByThread, 0, -15) == 0;
    }

    /// <summary>Sleeps for some nanoseconds, but never longer than 10 ms, so that whoever sleeps can be stopped.</summary>
    public static void Sleep(long nanoseconds)
    {
        nanoseconds = Math.Min(nanoseconds, LongestSleep);
        if (OperatingSystem.IsLinux())
        {
            var time = new TimeSpec { Nanoseconds = nanoseconds };
            _ = NanoSleep(in time, nint.Zero);
        }
        else if (nanoseconds >= 2_000_000)
        {
            Thread.Sleep(1);
        }
        else
        {
            Thread.Yield();
        }
    }

    /// <summary>Processor time of the calling thread; 0 where it is not known.</summary>
    public static double CpuSeconds()
    {
        const int ThreadCpuTime = 3;
        if (!OperatingSystem.IsLinux()) return 0;
        _ = ClockGetTime(ThreadCpuTime, out var time);
        return time.Seconds + (time.Nanoseconds / 1e9);
    }

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int Control(int option, nuint value, nuint third, nuint fourth, nuint fifth);

    [LibraryImport("libc", EntryPoint = "sched_setscheduler")]
    private static partial int SetScheduler(int thread, int policy, in int priority);

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, uint who, int priority);

    [LibraryImport("libc", EntryPoint = "nanosleep")]
    private static partial int NanoSleep(in TimeSpec time, nint remaining);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
