namespace MlServe.Threading;

/// <summary>
/// Tells an object when the time of its request is over. Kept, together with its timer, by an object that serves one request after the
/// other. The timer is not set anew for each of them, since that would cost more than a small model's run. When it fires it looks until
/// when the request of the moment has time, and rests if there is none. So it does not matter that clocks fire too early, or late for a
/// request that was served before. It keeps nobody's context.
/// </summary>
/// <remarks>
/// <see cref="Start"/> and <see cref="Stop"/> belong to the request, one call at a time and in turn. All else may be called at any time.
/// </remarks>
internal sealed class DeadlineAlarm(IDeadlineOwner owner) : IDisposable
{
    // The low bits of the state; above them a count of the requests.
    private const int Idle = 0;
    private const int Running = 1;
    private const int Expired = 2;
    private const int Phases = 3;

    private readonly Lock _lock = new();
    private TimeProvider? _clock;
    private ITimer? _timer;
    private int _state = Idle;

    // Those of the request: written while none runs, and read between a look at the state and its exchange.
    private long _deadline;
    private int _turn;

    /// <summary>When the timer fires next; <see cref="long.MaxValue"/> if it rests.</summary>
    private long _wakeAt = long.MaxValue;

    /// <summary>Whether the time of the request was over before it was stopped.</summary>
    public bool IsExpired => (Volatile.Read(ref _state) & Phases) == Expired;

    /// <summary>Begins to watch over a request.</summary>
    /// <param name="clock">The clock.</param>
    /// <param name="deadline">Its timestamp at which the time is over; <see cref="long.MaxValue"/>: never.</param>
    /// <param name="turn">Tells the owner which request it is.</param>
    public void Start(TimeProvider clock, long deadline, int turn = 0)
    {
        if (!ReferenceEquals(_clock, clock)) MakeTimer(clock);
        _deadline = deadline;
        _turn = turn;

        // A full fence: either the timer sees the deadline, or this sees that it has gone to rest.
        Interlocked.Exchange(ref _state, unchecked((_state | Phases) + 1 + Running));
        if (Volatile.Read(ref _wakeAt) > deadline) Arm(deadline);
    }

    /// <summary>The request has ended.</summary>
    /// <returns>Whether its time was over before; the owner may only be about to hear of it.</returns>
    public bool Stop() => (Interlocked.Exchange(ref _state, _state & ~Phases) & Phases) == Expired;

    /// <summary>Gives the timer back. An alarm that is started again has another.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            Stop();
            _timer?.Dispose();
            (_timer, _clock, _wakeAt) = (null, null, long.MaxValue);
        }
    }

    private void MakeTimer(TimeProvider clock)
    {
        lock (_lock)
        {
            _timer?.Dispose();
            _wakeAt = long.MaxValue;
            _clock = clock;
            _timer = clock.CreateDeadlineTimer(static alarm => ((DeadlineAlarm)alarm!).Fire(), this);
        }
    }

    private void Arm(long deadline)
    {
        lock (_lock)
        {
            if (_clock is not null && _wakeAt > deadline) Set(deadline, _clock.GetTimestamp());
        }
    }

    private void Set(long deadline, long now)
    {
        _wakeAt = deadline;
        var left = _clock!.GetElapsedTime(now, deadline);
        _timer!.Change(Timestamps.ToTimer(left > TimeSpan.Zero ? left : TimeSpan.Zero), Timeout.InfiniteTimeSpan);
    }

    private void Fire()
    {
        if (TryExpire(out var turn)) owner.Expire(turn);
    }

    /// <summary>Claims the end of the request's time, if that is over; otherwise sees to it that the timer fires again.</summary>
    private bool TryExpire(out int turn)
    {
        lock (_lock)
        {
            turn = 0;
            if (_clock is null) return false;
            _wakeAt = long.MaxValue;
            Interlocked.MemoryBarrier();
            while (true)
            {
                var state = Volatile.Read(ref _state);
                if ((state & Phases) != Running) return false;
                var deadline = Volatile.Read(ref _deadline);
                turn = Volatile.Read(ref _turn);
                var now = _clock.GetTimestamp();
                if (now < deadline)
                {
                    Set(deadline, now);
                    return false;
                }

                var expired = (state & ~Phases) | Expired;
                if (Interlocked.CompareExchange(ref _state, expired, state) == state) return true;
            }
        }
    }
}
