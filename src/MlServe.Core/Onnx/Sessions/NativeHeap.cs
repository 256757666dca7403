using System.Runtime.InteropServices;
using MlServe.Guests;

namespace MlServe.Onnx;

/// <summary>
/// Freed memory that the C library keeps. It takes freed blocks of megabytes for a sign that more will come, and keeps them from then
/// on. The memory of many loads would stay for ever. Only on Linux with glibc: other systems are left alone.
/// </summary>
internal static partial class NativeHeap
{
    /// <summary>A trim goes through all free blocks, so that loads side by side share one.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private static readonly bool CanTrim = OperatingSystem.IsLinux()
        && NativeLibrary.TryLoad("libc.so.6", out var library) && NativeLibrary.TryGetExport(library, "malloc_trim", out _);

    private static int _isResting;
    private static int _isWanted;

    /// <summary>Gives freed memory back to the system, now or a moment later.</summary>
    public static void Trim()
    {
        if (!CanTrim) return;
        Volatile.Write(ref _isWanted, 1);
        if (Interlocked.Exchange(ref _isResting, 1) != 0) return;
        TrimNow();
        Background.Forget(Background.Run(TrimUntilUnwantedAsync));
    }

    /// <summary>Says that the contents of a block are not needed: its pages go back to the system until they are written again.</summary>
    public static void Forget(Span<byte> block)
    {
        if (!OperatingSystem.IsLinux() || block.IsEmpty) return;
        var page = Environment.SystemPageSize;
        unsafe
        {
            fixed (byte* start = block)
            {
                var from = ((nint)start + page - 1) / page * page;
                var to = ((nint)start + block.Length) / page * page;
                const int DontNeed = 4;
                if (to > from) _ = Advise(from, to - from, DontNeed);
            }
        }
    }

    private static async Task TrimUntilUnwantedAsync()
    {
        do
        {
            do
            {
                await Task.Delay(Pause, TimeProvider.System).ConfigureAwait(false);
                TrimNow();
            }
            while (Volatile.Read(ref _isWanted) != 0);
            Volatile.Write(ref _isResting, 0);
        }
        while (Volatile.Read(ref _isWanted) != 0 && Interlocked.Exchange(ref _isResting, 1) == 0);
    }

    private static void TrimNow()
    {
        if (Interlocked.Exchange(ref _isWanted, 0) != 0) _ = MallocTrim(0);
    }

    [LibraryImport("libc.so.6", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nuint pad);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint start, nint length, int advice);
}
