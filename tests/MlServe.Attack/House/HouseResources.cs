using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace MlServe.Attack.House;

/// <summary>What the process holds, after a collection.</summary>
/// <param name="Threads">Threads of the system that are not the pool's.</param>
/// <param name="Timers">Timers that are to fire.</param>
/// <param name="Descriptors">Open files, sockets and the like; 0 if the system does not say.</param>
/// <param name="ManagedBytes">Bytes of live objects.</param>
/// <param name="NativeBytes">Bytes that the C library has handed out; 0 if it does not say.</param>
internal sealed record HouseResources(int Threads, long Timers, int Descriptors, long ManagedBytes, long NativeBytes)
{
    /// <summary>
    /// What one house may leave behind, beside what its requests leave: compiled code, buckets of shared pools. A leak of 400
    /// bytes a request goes beyond it.
    /// </summary>
    private const long BytesOfAHouse = 768 * 1024;

    private const int ThreadsOfARuntime = 2;
    private const int MoreLooks = 4;

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(50);

    public static HouseResources Now()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        using var process = Process.GetCurrentProcess();
        return new(
            process.Threads.Count - ThreadPool.ThreadCount, Timer.ActiveCount,
            Directory.Exists("/proc/self/fd") ? Directory.GetFiles("/proc/self/fd").Length : 0,
            GC.GetTotalMemory(forceFullCollection: true), Handed());
    }

    /// <summary>
    /// The least of some looks: memory that the compiler has for a moment would otherwise hide as much that is lost later.
    /// </summary>
    public static async Task<HouseResources> LeastAsync()
    {
        var least = Now();
        for (var look = 0; look < MoreLooks; look++)
        {
            await Task.Delay(BetweenLooks).ConfigureAwait(false);
            var now = Now();
            least = new(
                Math.Min(least.Threads, now.Threads), Math.Min(least.Timers, now.Timers), Math.Min(least.Descriptors, now.Descriptors),
                Math.Min(least.ManagedBytes, now.ManagedBytes), Math.Min(least.NativeBytes, now.NativeBytes));
        }

        return least;
    }

    /// <summary>What grew beyond its bound, by its name; none if all is as before.</summary>
    public Dictionary<string, string> Growth(HouseResources before)
    {
        Dictionary<string, string> growth = [];
        Hold("threads", before.Threads, Threads, ThreadsOfARuntime, growth);
        Hold("timers", before.Timers, Timers, ThreadsOfARuntime, growth);
        Hold("descriptors", before.Descriptors, Descriptors, ThreadsOfARuntime, growth);
        Hold("managed bytes", before.ManagedBytes, ManagedBytes, BytesOfAHouse, growth);
        Hold("native bytes", before.NativeBytes, NativeBytes, BytesOfAHouse, growth);
        return growth;
    }

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Threads},{Timers},{Descriptors},{ManagedBytes},{NativeBytes}");

    private static void Hold(string what, long before, long now, long bound, Dictionary<string, string> growth)
    {
        if (now > before + bound)
        {
            growth[what] = string.Create(
                CultureInfo.InvariantCulture, $"{what}: {before:N0} before, {now:N0} now, {bound:N0} more are allowed");
        }
    }

    private static long Handed()
    {
        if (!OperatingSystem.IsLinux()) return 0;
        try
        {
            var info = MallInfo2();
            return (long)(info.Used + info.Mapped);
        }
        catch (Exception exception) when (exception is DllNotFoundException or EntryPointNotFoundException)
        {
            return 0;
        }
    }

    [DllImport("libc", EntryPoint = "mallinfo2")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern Figures MallInfo2();

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Figures
    {
        public readonly nuint Arena, FreeChunks, FastChunks, MappedRegions, Mapped, MostUsed, FastFree, Used, Free, Releasable;
    }
}
