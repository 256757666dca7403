namespace MlServe;

/// <summary>
/// One model's line at a <see cref="RunGate"/>, and what its runs have cost. All members belong to the gate, under its lock; the gate knows
/// the flow only as long as somebody stands in it.
/// </summary>
internal sealed class GateFlow(RunGate gate)
{
    /// <summary>No run is free: else a model whose runs are too short for the clock would keep the others out.</summary>
    private const long LeastCost = 10;

    /// <summary>How far the expected cost follows one run.</summary>
    private const double Weight = 0.25;

    private readonly Queue<(IGateWaiter Waiter, long Number)> _normal = new();
    private readonly Queue<(IGateWaiter Waiter, long Number)> _bulk = new();
    private double _expected;
    private int _left;

    public RunGate Gate { get; } = gate;

    /// <summary>The virtual time at which the next run begins, in ticks of run time.</summary>
    public long Tag { get; private set; }

    public int Count => _normal.Count + _bulk.Count;

    /// <summary>Puts a waiter at the end of its line.</summary>
    /// <param name="waiter">The waiter.</param>
    /// <param name="number">Counts all of the gate's waiters.</param>
    /// <param name="now">The gate's virtual time: a flow that has not waited saves up nothing.</param>
    public void Add(IGateWaiter waiter, long number, long now)
    {
        if (Count == 0) Tag = Math.Max(Tag, now);
        (waiter.IsBulk ? _bulk : _normal).Enqueue((waiter, number));
    }

    /// <summary>Takes those from the heads of the lines who have left.</summary>
    public void DropLeft(ref List<IGateWaiter>? dropped)
    {
        Drop(_normal, ref dropped);
        Drop(_bulk, ref dropped);
    }

    /// <summary>Counts one who has left, and takes all who have from the lines once they are half of them.</summary>
    public void Leave(ref List<IGateWaiter>? dropped)
    {
        if (++_left * 2 <= Count) return;
        Compact(_normal, ref dropped);
        Compact(_bulk, ref dropped);
        _left = 0;
    }

    /// <summary>The waiter that is next; only if somebody stands here, and after <see cref="DropLeft"/>.</summary>
    /// <param name="yields">Whether others go first.</param>
    /// <param name="number">Its number.</param>
    public IGateWaiter Next(out bool yields, out long number)
    {
        var line = NextLine();
        (var waiter, number) = line.Peek();
        yields = waiter.Yields;
        return waiter;
    }

    /// <summary>Lets the next one in, and charges its run with the cost that runs have had so far.</summary>
    public IGateWaiter Take()
    {
        var waiter = NextLine().Dequeue().Waiter;
        waiter.Charge = Math.Max(LeastCost, (long)_expected);
        Tag += waiter.Charge;
        return waiter;
    }

    /// <summary>Saves up nothing while others go first.</summary>
    public void Yield(long now) => Tag = Math.Max(Tag, now);

    /// <summary>Gives a charge back if nothing has been run.</summary>
    public void Refund(long charge) => Tag -= charge;

    /// <summary>Puts a charge right once the run's cost is known.</summary>
    public void Settle(long charge, long cost)
    {
        cost = Math.Max(LeastCost, cost);
        Tag += cost - charge;
        _expected = _expected == 0 ? cost : _expected + (Weight * (cost - _expected));
    }

    /// <summary>Work in bulk that yields no more goes by its age.</summary>
    private Queue<(IGateWaiter Waiter, long Number)> NextLine()
    {
        if (_bulk.Count == 0) return _normal;
        if (_normal.Count == 0) return _bulk;
        var (waiter, number) = _bulk.Peek();
        return number < _normal.Peek().Number && !waiter.Yields ? _bulk : _normal;
    }

    private void Drop(Queue<(IGateWaiter Waiter, long Number)> line, ref List<IGateWaiter>? dropped)
    {
        while (line.TryPeek(out var head) && head.Waiter.HasLeft)
        {
            line.Dequeue();
            (dropped ??= []).Add(head.Waiter);
            _left = Math.Max(0, _left - 1);
        }
    }

    private static void Compact(Queue<(IGateWaiter Waiter, long Number)> line, ref List<IGateWaiter>? dropped)
    {
        for (var remaining = line.Count; remaining > 0; remaining--)
        {
            var entry = line.Dequeue();
            if (entry.Waiter.HasLeft) (dropped ??= []).Add(entry.Waiter);
            else line.Enqueue(entry);
        }
    }
}
