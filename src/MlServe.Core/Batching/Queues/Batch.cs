using System.Runtime.InteropServices;
using MlServe.Guests;
using MlServe.Threading;

namespace MlServe.Batching;

/// <summary>
/// A lane whose rows requests fill by themselves: a place is reserved with one compare-and-swap, the caller copies its rows in and commits.
/// Closed it takes nobody, and it looks closed until it is opened again, also to a caller who read about it long ago.
/// </summary>
#pragma warning disable CA1001 // A source without a timer holds nothing.
internal sealed class Batch(BatchQueue queue, ILane lane)
#pragma warning restore CA1001
{
    private const long Closed = 1L << 62;
    private const long OneSlot = 1L << 32;
    private const long RowsMask = OneSlot - 1;

    private readonly BatchSlot?[] _slots = new BatchSlot?[lane.Capacity];
    private long _earliestDeadline;
    private int _waiting;
    private bool _hasGap;
    private CancellationTokenSource _cut = new();
    private PaddedState _shared = new() { State = Closed };

    public BatchQueue Queue { get; } = queue;

    public ILane Lane { get; } = lane;

    /// <summary>When it was opened for its first request.</summary>
    public long OpenedAt { get; private set; }

    public CloseReason Reason { get; private set; }

    /// <summary>
    /// Whether rows were reserved and not written, so that somebody else's of an earlier batch lie in their place. Set before the rows are
    /// committed.
    /// </summary>
    public bool HasGap
    {
        get => Volatile.Read(ref _hasGap);
        set => Volatile.Write(ref _hasGap, value);
    }

    /// <summary>The requests of a closed batch.</summary>
    public ReadOnlySpan<BatchSlot?> Slots => _slots.AsSpan(0, (int)((Volatile.Read(ref _shared.State) & ~Closed) >> 32));

    /// <summary>Rows that are reserved.</summary>
    public int Rows => (int)(Volatile.Read(ref _shared.State) & RowsMask);

    /// <summary>The first of the deadlines that were noted; <see cref="long.MaxValue"/> if there is none.</summary>
    public long EarliestDeadline => Volatile.Read(ref _earliestDeadline);

    public void Open(long now)
    {
        OpenedAt = now;
        _earliestDeadline = long.MaxValue;
        _hasGap = false;
        Volatile.Write(ref _shared.State, 0);
    }

    /// <summary>
    /// Reserves rows; false if the batch is closed or there is not room for all. An empty batch has room for any request that its lane can
    /// hold.
    /// </summary>
    public bool TryReserve(int rows, int limit, out int index, out int row)
    {
        var state = Volatile.Read(ref _shared.State);
        while (true)
        {
            row = (int)(state & RowsMask);
            index = (int)(state >> 32);
            if ((state & Closed) != 0 || (row + rows > limit && row > 0) || row + rows > Lane.Capacity) return false;
            var seen = Interlocked.CompareExchange(ref _shared.State, state + OneSlot + rows, state);
            if (seen == state) return true;
            state = seen;
        }
    }

    /// <summary>Remembers until when the batch may be held back. Called before the request's rows are committed.</summary>
    public void Note(long deadline)
    {
        var seen = Volatile.Read(ref _earliestDeadline);
        while (deadline < seen)
        {
            var before = Interlocked.CompareExchange(ref _earliestDeadline, deadline, seen);
            if (before == seen) return;
            seen = before;
        }
    }

    /// <summary>Says that reserved rows are written.</summary>
    public void Commit(BatchSlot slot, int index) => Volatile.Write(ref _slots[index], slot);

    /// <summary>Refuses further requests. Called once for each opening.</summary>
    public void Close(CloseReason reason)
    {
        Reason = reason;
        Interlocked.Or(ref _shared.State, Closed);
    }

    /// <summary>Waits for callers that have reserved and are still copying.</summary>
    public void WaitUntilWritten()
    {
        var spin = default(SpinWait);
        for (var i = Slots.Length - 1; i >= 0; i--)
        {
            while (Volatile.Read(ref _slots[i]) is null)
                spin.SpinOnce(sleep1Threshold: -1); // a writer is at work: a millisecond of sleep would be longer than any copy
        }
    }

    /// <summary>Begins a run that is cut off when nobody waits for it any more.</summary>
    public CancellationToken BeginRun(ReadOnlySpan<BatchSlot?> slots, long now, TimeProvider clock)
    {
        // One for the runner, so that it does not end before all have joined.
        Volatile.Write(ref _waiting, 1);

        // Runs vary: one that was cut off before twice what was expected may have been like any other.
        var expected = Timestamps.After(clock, now, 2 * Queue.Sizes.Expect(Rows).Run);
        foreach (var slot in slots)
        {
            if (slot is { IsPending: true }) slot.BeginRun(this, now, expected);
        }

        Leave();
        return _cut.Token;
    }

    public void EndRun(ReadOnlySpan<BatchSlot?> slots)
    {
        // Whoever leaves now has no run to cut off. Where all had left, one of them cuts the run off just now.
        var isCut = Interlocked.Increment(ref _waiting) == 1;
        foreach (var slot in slots)
            slot?.EndRun();
        if (isCut) _cut = new();

        // One that has taken its leave and not gone yet must not be counted in the next run.
        var spin = default(SpinWait);
        while (Volatile.Read(ref _waiting) != 1)
            spin.SpinOnce(sleep1Threshold: -1);
    }

    public void Join() => Interlocked.Increment(ref _waiting);

    public void Leave()
    {
        var cut = _cut;
        if (Interlocked.Decrement(ref _waiting) == 0) UrgentCancel.Cancel(cut);
    }

    /// <summary>
    /// Forgets the requests, and lets its lane forget them. A lane of the application's that throws at that must not keep the answers of
    /// its last run from going out.
    /// </summary>
    public void Clear()
    {
        _slots.AsSpan(0, Slots.Length).Clear();
        try
        {
            Lane.Clear();
        }
#pragma warning disable CA1031 // What is left in it is written over.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            GuestReports.OfProcess.Add(Guest.Layer, exception);
        }
    }

    /// <summary>The fields that callers on all cores write, on cache lines of their own.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 192)]
    private struct PaddedState
    {
        [FieldOffset(64)]
        public long State;
    }
}
