using System.Diagnostics;
using MlServe.Guests;

namespace MlServe.Threading;

/// <summary>
/// One thread of the process on which deadlines come due. The system's own timers fire on the thread pool, whose threads may all be blocked
/// by the very callers whose time is over. Started by the first timer that is set, ends when none has been set for a while; it sleeps from
/// one timer to the next. Callbacks of timers are short and call nobody else's code: that goes to <see cref="UrgentWork"/>.
/// </summary>
internal static class DeadlineThread
{
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(30);

    // Not a Lock, because it is waited on.
    private static readonly object Gate = new();
    private static readonly DeadlineHeap Timers = new();
    private static Thread? _thread;
    private static long _sleepsUntil;

    [ThreadStatic]
    private static bool _isCurrent;

    /// <summary>Whether the caller is that thread, on which nobody else's code may run.</summary>
    public static bool IsCurrent => _isCurrent;

    /// <summary>Looks at a timer when it is due.</summary>
    internal static void WakeEarlier(DeadlineTimer timer)
    {
        lock (Gate)
        {
            var due = timer.Due;
            if (due >= timer.WakeAt) return;
            Timers.Set(timer, due);
            if (_thread is null) Start();
            else if (due < _sleepsUntil) Monitor.Pulse(Gate);
        }
    }

    internal static void Forget(DeadlineTimer timer)
    {
        lock (Gate)
            Timers.Remove(timer);
    }

    private static void Start()
    {
        var thread = new Thread(Loop) { IsBackground = true, Name = "MlServe deadlines" };
        try
        {
            thread.UnsafeStart();
            _thread = thread;
        }
        // There is no thread to be had now; the next timer tries again, and the request that set this one is under way.
#pragma warning disable CA1031
        catch (Exception)
#pragma warning restore CA1031
        {
        }
    }

    private static void Loop()
    {
        _isCurrent = true;
        while (Next() is { } timer)
        {
            try
            {
                timer.Fire();
            }
#pragma warning disable CA1031 // Other deadlines are due behind it.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                GuestReports.OfProcess.Add(Guest.Own, exception);
            }
        }
    }

    /// <summary>Sleeps until a timer is due; null if the thread is to end.</summary>
    private static DeadlineTimer? Next()
    {
        lock (Gate)
        {
            while (true)
            {
                var now = Stopwatch.GetTimestamp();
                while (Timers.First is { } first && first.WakeAt <= now)
                {
                    Timers.Remove(first);

                    // A full fence, as where the timer is set.
                    Interlocked.MemoryBarrier();
                    var due = first.Due;
                    if (due <= now && first.TryFire(due)) return first;
                    due = first.Due;
                    if (due < first.WakeAt) Timers.Set(first, due);
                }

                if (!Sleep(now) && Timers.First is null)
                {
                    _thread = null;
                    return null;
                }
            }
        }
    }

    /// <returns>False if nobody has woken it.</returns>
    private static bool Sleep(long now)
    {
        _sleepsUntil = Timers.First?.WakeAt ?? DeadlineTimer.Never;
        var time = _sleepsUntil == DeadlineTimer.Never ? Idle : Timestamps.ToTimer(Stopwatch.GetElapsedTime(now, _sleepsUntil));

        // The longest that it takes is less than a timer may.
        var isWoken = Monitor.Wait(Gate, (int)Math.Min(time.TotalMilliseconds, int.MaxValue));
        _sleepsUntil = 0;
        return isWoken;
    }
}
