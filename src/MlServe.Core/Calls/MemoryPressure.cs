namespace MlServe;

/// <summary>
/// Asks pools and lanes to let go of memory if the machine, or the container, runs short of it. It is looked at after each full garbage
/// collection, as the runtime's own pools do.
/// </summary>
internal static class MemoryPressure
{
    /// <summary>The share of what the runtime calls a high load.</summary>
    private const double HighShare = 0.9;

    private static readonly Lock Gate = new();
    private static readonly List<WeakReference<ITrimmable>> Members = [];
    private static int _isTrimming;

    static MemoryPressure() => _ = new Sentinel();

    /// <summary>Asks it too, for as long as somebody else keeps it.</summary>
    public static void Register(ITrimmable member)
    {
        lock (Gate)
        {
            Members.RemoveAll(static known => !known.TryGetTarget(out _));
            Members.Add(new(member));
        }
    }

    /// <summary>Asks all.</summary>
    public static void Trim()
    {
        List<ITrimmable> members = [];
        lock (Gate)
        {
            foreach (var known in Members)
            {
                if (known.TryGetTarget(out var member)) members.Add(member);
            }
        }

        foreach (var member in members)
            member.Trim();
    }

    private static void Look()
    {
        var memory = GC.GetGCMemoryInfo(GCKind.Any);
        if (memory.MemoryLoadBytes < HighShare * memory.HighMemoryLoadThresholdBytes || Interlocked.Exchange(ref _isTrimming, 1) != 0)
            return;

        // Not here: this is the thread of all finalizers.
        ThreadPool.UnsafeQueueUserWorkItem(
            static _ =>
            {
                try
                {
                    Trim();
                }
#pragma warning disable CA1031 // What could not be freed stays; nobody waits for it.
                catch
#pragma warning restore CA1031
                {
                }

                Volatile.Write(ref _isTrimming, 0);
            },
            null);
    }

    /// <summary>Garbage that comes to life again after each collection that finds it.</summary>
    private sealed class Sentinel
    {
        ~Sentinel()
        {
            if (Environment.HasShutdownStarted) return;
            try
            {
                Look();
            }
#pragma warning disable CA1031 // An exception in a finalizer ends the process.
            catch
#pragma warning restore CA1031
            {
            }

            GC.ReRegisterForFinalize(this);
        }
    }
}
