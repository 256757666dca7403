namespace MlServe;

/// <summary>
/// Bounds how many models run at once, over all models of a host, so that inference never takes more cores than the process may use. If
/// runs have to wait, each model that waits gets the same share of the time. One with short runs does not stand behind the backlog of one
/// with long runs, but waits for runs that are under way. Safe for concurrent use.
/// </summary>
/// <remarks>
/// Start-time fair queueing (Goyal, Vin and Cheng, 1996) over models, with the measured time of runs for lengths of packets. A model that
/// has not waited saves up nothing. Within a model: first come, first served, and work in bulk (<see cref="RequestPriority.Bulk"/>) yields
/// to all other until it has waited long enough.
/// </remarks>
public sealed class RunGate
{
    private readonly Lock _gate = new();
    private readonly List<GateFlow> _flows = [];
    private readonly GateFlow _others;
    private long _virtualTime;
    private long _numbers;
    private int _free;
    private int _waiting;

    /// <summary>Makes a gate.</summary>
    /// <param name="maxConcurrentRuns">How many runs at once, 1 or more; null: one for each core that the process may use (a container's
    /// limit counted).</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxConcurrentRuns"/> is less than 1.</exception>
    public RunGate(int? maxConcurrentRuns = null)
    {
        MaxConcurrentRuns = maxConcurrentRuns ?? Environment.ProcessorCount;
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxConcurrentRuns, 1, nameof(maxConcurrentRuns));
        _free = MaxConcurrentRuns;
        _others = new(this);
    }

    /// <summary>The gate of everything in the process that was not given one.</summary>
    public static RunGate Shared { get; } = new();

    /// <summary>How many runs at once.</summary>
    public int MaxConcurrentRuns { get; }

    /// <summary>How many run now.</summary>
    public int CurrentRuns => MaxConcurrentRuns - Volatile.Read(ref _free);

    /// <summary>How many wait; some that have given up just now may be counted with them.</summary>
    public int CurrentWaiters => Volatile.Read(ref _waiting);

    /// <summary>Models that somebody waits for.</summary>
    internal int CurrentFlows
    {
        get
        {
            lock (_gate)
                return _flows.Count;
        }
    }

    /// <summary>Enters if there is room and nobody waits.</summary>
    internal bool TryEnter() => Volatile.Read(ref _waiting) == 0 && TryTake();

    /// <summary>Waits in line; <see cref="IGateWaiter.Enter"/> is called once, by the caller that makes room.</summary>
    internal void Enqueue(IGateWaiter waiter)
    {
        var flow = waiter.Flow ?? _others;
        if (!ReferenceEquals(flow.Gate, this)) throw new ArgumentException("The flow is another gate's.", nameof(waiter));
        lock (_gate)
        {
            if (flow.Count == 0) _flows.Add(flow);
            flow.Add(waiter, _numbers++, _virtualTime);
            Interlocked.Increment(ref _waiting);
        }

        // Room may have been made between the caller's TryEnter and now, by somebody who saw nobody waiting.
        AdmitWaiters();
    }

    /// <summary>
    /// Says that a waiter has left. Those that have left are cleared away once they are half of their model's line. So a gate which stays
    /// shut does not gather them without a bound.
    /// </summary>
    /// <param name="flow">Of that waiter, which may serve somebody else by now.</param>
    internal void Leave(GateFlow? flow = null)
    {
        flow ??= _others;
        List<IGateWaiter>? dropped = null;
        lock (_gate)
        {
            // The waiter may have been let in meanwhile.
            if (flow.Count == 0) return;
            flow.Leave(ref dropped);
            if (flow.Count == 0) _flows.Remove(flow);
            if (dropped is not null) Interlocked.Add(ref _waiting, -dropped.Count);
        }

        Drop(dropped);
    }

    /// <summary>Leaves, for one that did not wait.</summary>
    internal void Exit()
    {
        Interlocked.Increment(ref _free);
        if (Volatile.Read(ref _waiting) > 0) AdmitWaiters();
    }

    /// <summary>Leaves, for one that had waited.</summary>
    /// <param name="waiter">The one that had waited.</param>
    /// <param name="cost">How long it ran; null if it did not.</param>
    internal void Exit(IGateWaiter waiter, TimeSpan? cost)
    {
        var flow = waiter.Flow ?? _others;
        lock (_gate)
        {
            if (cost is { } time) flow.Settle(waiter.Charge, time.Ticks);
            else flow.Refund(waiter.Charge);
        }

        Exit();
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
            IGateWaiter? next;
            List<IGateWaiter>? dropped = null;
            lock (_gate)
            {
                next = Volatile.Read(ref _free) > 0 ? TakeNext(ref dropped) : null;
                var gone = (dropped?.Count ?? 0) + (next is null ? 0 : 1);
                if (gone > 0) Interlocked.Add(ref _waiting, -gone);
            }

            Drop(dropped);
            if (next is null) return;
            next.Enter();
        }
    }

    /// <summary>Lets one in: of the model whose next run begins first in virtual time.</summary>
    private IGateWaiter? TakeNext(ref List<IGateWaiter>? dropped)
    {
        GateFlow? best = null;
        (bool Yields, long Tag, long Number) first = default;
        for (var i = _flows.Count - 1; i >= 0; i--)
        {
            var flow = _flows[i];
            flow.DropLeft(ref dropped);
            if (flow.Count == 0)
            {
                _flows.RemoveAt(i);
                continue;
            }

            flow.Next(out var yields, out var number);
            if (yields) flow.Yield(_virtualTime);
            var rank = (yields, flow.Tag, number);
            if (best is null || rank.CompareTo(first) < 0) (best, first) = (flow, rank);
        }

        if (best is null || !TryTake()) return null;
        _virtualTime = Math.Max(_virtualTime, best.Tag);
        var waiter = best.Take();
        if (best.Count == 0) _flows.Remove(best);
        return waiter;
    }

    private static void Drop(List<IGateWaiter>? dropped)
    {
        if (dropped is null) return;
        foreach (var waiter in dropped)
            waiter.Drop();
    }
}
