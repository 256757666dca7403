using MlServe.Guests;
using MlServe.Threading;

namespace MlServe;

/// <summary>
/// Cuts off a run on its caller's thread when the caller's time is over. Pooled, together with its timer, which is not set anew for each
/// run, since that would cost more than a small model's run: when it fires it looks until when the run of the moment may take, and rests
/// where there is none.
/// </summary>
#pragma warning disable CA1001 // Pooled: what it holds goes where the pool does not take it back.
internal sealed class RunWatch
#pragma warning restore CA1001
{
    private const long Idle = long.MinValue;
    private const long Expired = long.MinValue + 1;

    private readonly Lock _lock = new();
    private CancellationTokenSource _source = new();
    private CancellationTokenRegistration _registration;
    private TimeProvider? _clock;
    private ITimer? _timer;

    /// <summary>Until when the run may take; once that is past, no later run has the same.</summary>
    private long _deadline = Idle;

    /// <summary>When the timer fires next; <see cref="long.MaxValue"/> where it rests.</summary>
    private long _due = long.MaxValue;

    /// <summary>Ends the run.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Whether the caller's time has ended the run.</summary>
    public bool IsExpired => Volatile.Read(ref _deadline) == Expired;

    public static RunWatch Begin(TimeProvider time, TimeSpan timeout, CancellationToken callersToken)
    {
        var watch = Pool<RunWatch>.Rent();
        if (!ReferenceEquals(watch._clock, time)) watch.MakeTimer(time);
        if (callersToken.CanBeCanceled)
            watch._registration = callersToken.UnsafeRegister(static watch => ((RunWatch)watch!)._source.CancelQuietly(), watch);

        // A full fence: either the timer sees the deadline, or this sees that it has gone to rest.
        var deadline = time.After(timeout);
        Interlocked.Exchange(ref watch._deadline, deadline);
        if (Volatile.Read(ref watch._due) > deadline) watch.Arm(deadline);
        return watch;
    }

    public void End()
    {
        // Waits for a callback under way.
        _registration.Dispose();
        _registration = default;

        // Where its time is over, the timer's thread may only be about to cancel it.
        if (Interlocked.Exchange(ref _deadline, Idle) == Expired || _source.IsCancellationRequested) _source = new();
        if (!Pool<RunWatch>.Return(this)) _timer!.Dispose();
    }

    private void MakeTimer(TimeProvider time)
    {
        lock (_lock)
        {
            _timer?.Dispose();
            _clock = time;
            _due = long.MaxValue;
            _timer = time.CreateDeadlineTimer(static watch => ((RunWatch)watch!).Fire(), this);
        }
    }

    private void Arm(long deadline)
    {
        lock (_lock)
        {
            if (_due > deadline) Set(deadline, _clock!.GetTimestamp());
        }
    }

    private void Set(long deadline, long now)
    {
        _due = deadline;
        var left = _clock!.GetElapsedTime(now, deadline);
        _timer!.Change(Timestamps.ToTimer(left > TimeSpan.Zero ? left : TimeSpan.Zero), Timeout.InfiniteTimeSpan);
    }

    private void Fire()
    {
        CancellationTokenSource source;
        lock (_lock)
        {
            _due = long.MaxValue;
            Interlocked.MemoryBarrier();
            while (true)
            {
                var deadline = Volatile.Read(ref _deadline);
                if (deadline is Idle or Expired) return;
                var now = _clock!.GetTimestamp();
                if (now < deadline)
                {
                    Set(deadline, now);
                    return;
                }

                source = _source;
                if (Interlocked.CompareExchange(ref _deadline, Expired, deadline) == deadline) break;
            }
        }

        // Outside of the lock: whoever runs goes on meanwhile.
        UrgentCancel.Cancel(source);
    }
}
