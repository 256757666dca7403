namespace MlServe;

/// <summary>
/// Bounds how many models run at once, over all models of a host, so that inference never takes more cores than the process may use. Waiters are
/// served first come, first served. Safe for concurrent use.
/// </summary>
public sealed class RunGate
{
    private readonly Lock _gate = new();
    private readonly Queue<IGateWaiter> _waiters = new();
    private int _free;
    private int _waiting;
    private int _left;

    /// <summary>Makes a gate.</summary>
    /// <param name="maxConcurrentRuns">How many runs at once, 1 or more; null: one for each core that the process may use (a container's limit counted).</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxConcurrentRuns"/> is less than 1.</exception>
    public RunGate(int? maxConcurrentRuns = null)
    {
        MaxConcurrentRuns = maxConcurrentRuns ?? Environment.ProcessorCount;
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxConcurrentRuns, 1, nameof(maxConcurrentRuns));
        _free = MaxConcurrentRuns;
    }

    /// <summary>The gate of everything in the process that was not given one.</summary>
    public static RunGate Shared { get; } = new();

    /// <summary>How many runs at once.</summary>
    public int MaxConcurrentRuns { get; }

    /// <summary>How many run now.</summary>
    public int CurrentRuns => MaxConcurrentRuns - Volatile.Read(ref _free);

    /// <summary>How many wait; some that have given up just now may be counted with them.</summary>
    public int CurrentWaiters => Volatile.Read(ref _waiting);

    /// <summary>Enters where there is room and nobody waits.</summary>
    internal bool TryEnter() => Volatile.Read(ref _waiting) == 0 && TryTake();

    /// <summary>Waits in line; <see cref="IGateWaiter.Enter"/> is called once, by whoever makes room.</summary>
    internal void Enqueue(IGateWaiter waiter)
    {
        lock (_gate)
        {
            _waiters.Enqueue(waiter);
            Interlocked.Increment(ref _waiting);
        }

        // Room may have been made between the caller's TryEnter and now, by somebody who saw nobody waiting.
        AdmitWaiters();
    }

    /// <summary>
    /// Says that a waiter has left. Those who have are cleared away once they are half of the line, so that a gate which stays shut does not
    /// gather them without a bound.
    /// </summary>
    internal void Leave()
    {
        List<IGateWaiter> gone;
        lock (_gate)
        {
            if (++_left * 2 <= _waiters.Count) return;
            gone = [];
            _left = 0;
            for (var remaining = _waiters.Count; remaining > 0; remaining--)
            {
                var waiter = _waiters.Dequeue();
                if (waiter.HasLeft) gone.Add(waiter);
                else _waiters.Enqueue(waiter);
            }

            Interlocked.Add(ref _waiting, -gone.Count);
        }

        foreach (var waiter in gone)
            waiter.Drop();
    }

    internal void Exit()
    {
        Interlocked.Increment(ref _free);
        if (Volatile.Read(ref _waiting) > 0) AdmitWaiters();
    }

    private bool TryTake()
    {
        var free = Volatile.Read(ref _free);
        while (free > 0)
        {
            var seen = Interlocked.CompareExchange(ref _free, free - 1, free);
            if (seen == free) return true;
            free = seen;
        }

        return false;
    }

    private void AdmitWaiters()
    {
        while (true)
        {
            IGateWaiter? waiter;
            bool hasLeft;
            lock (_gate)
            {
                if (!_waiters.TryPeek(out waiter)) return;
                hasLeft = waiter.HasLeft;
                if (!hasLeft && !TryTake()) return;
                _waiters.Dequeue();
                if (hasLeft) _left = Math.Max(0, _left - 1);
                Interlocked.Decrement(ref _waiting);
            }

            if (hasLeft) waiter.Drop();
            else waiter.Enter();
        }
    }
}
