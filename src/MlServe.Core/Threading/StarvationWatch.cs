using System.Diagnostics;

namespace MlServe.Threading;

/// <summary>
/// Watches whether the thread pool comes to <see cref="UrgentWork"/>. Looks every few milliseconds while there is any, and not at all
/// otherwise. Work that it finds twice goes to a helper thread. From then on work goes to the helpers as well as to the pool, until the
/// pool is prompt again.
/// </summary>
internal static class StarvationWatch
{
    /// <summary>Work that is found at two looks is late: it has waited for one to two of these.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(8);

    /// <summary>
    /// Looks at which nothing of some work is seen until it is no longer watched. It is a quarter of a second, so that work in turn does
    /// not come and go.
    /// </summary>
    private const int Patience = 32;

    private static readonly Lock Gate = new();
    private static readonly List<UrgentWork> Watched = [];
    private static readonly DeadlineTimer Timer = new(static _ => Look(), null);
    private static readonly Probe PoolProbe = new();
    private static bool _isLooking;
    private static int _count;
    private static volatile bool _isStarved;

    /// <summary>Whether the pool was found not to come to its work.</summary>
    public static bool IsStarved => _isStarved;

    /// <summary>How often it has looked.</summary>
    internal static int Count => Volatile.Read(ref _count);

    /// <summary>Whether work has been queued for two looks.</summary>
    internal static bool IsLate(UrgentWork work) => Count - work.QueuedAt >= 2;

    internal static void Watch(UrgentWork work)
    {
        if (!work.TryWatch()) return;
        lock (Gate)
        {
            Watched.Add(work);
            if (_isLooking) return;
            _isLooking = true;
        }

        Timer.Change(Period, Timeout.InfiniteTimeSpan);
    }

    private static void Look()
    {
        var isLate = false;
        lock (Gate)
        {
            var count = ++_count;
            for (var i = Watched.Count - 1; i >= 0; i--)
            {
                var work = Watched[i];
                if (work.IsQueued)
                {
                    if (!IsLate(work)) continue;
                    isLate = true;
                    work.CallHelpers();
                }
                else if (count - work.QueuedAt > Patience)
                {
                    EndWatch(work, i);
                }
            }

            _isLooking = Watched.Count > 0;
            if (_isLooking) Timer.Change(Period, Timeout.InfiniteTimeSpan);
        }

        HelperThreads.ForRuns.GrowIfStuck();
        HelperThreads.ForAnswers.GrowIfStuck();
        HelperThreads.ForLayers.GrowIfStuck();
        if (isLate && !_isStarved) Starve();
    }

    private static void EndWatch(UrgentWork work, int index)
    {
        work.EndWatch();

        // Whoever queued it just now may have seen it as watched.
        if (work.IsQueued && work.TryWatch()) return;
        Watched[index] = Watched[^1];
        Watched.RemoveAt(Watched.Count - 1);
    }

    private static void Starve()
    {
        _isStarved = true;
        PoolProbe.Send();
    }

    /// <summary>Waits in the pool's queue like any other work, and tells by its own wait when the pool is prompt again.</summary>
    private sealed class Probe : IThreadPoolWorkItem
    {
        private long _sentAt;

        public void Send()
        {
            _sentAt = Stopwatch.GetTimestamp();
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }

        public void Execute()
        {
            if (Stopwatch.GetElapsedTime(_sentAt) >= Period) Send();
            else _isStarved = false;
        }
    }
}
