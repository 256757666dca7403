using MlServe.Guests;

namespace MlServe.Batching;

/// <summary>
/// The batches of one queue and their lanes: few rows for a shape that is rare, more for one whose batches fill up. The memory for lanes
/// bounds both. Used under the queue's lock.
/// </summary>
/// <param name="memory">How much there may be.</param>
/// <param name="queue">The queue.</param>
/// <param name="shared">The values that its lanes hold for all rows.</param>
/// <param name="capacity">The rows that a lane has room for at first.</param>
internal sealed class QueueBatches(LaneBudget memory, BatchQueue queue, SharedInputs shared, int capacity)
{
    private readonly Stack<Batch> _free = new();
    private int _count;

    /// <summary>The rows that a lane has room for; it only grows.</summary>
    public int Capacity { get; private set; } = capacity;

    /// <summary>Whether none is at work.</summary>
    public bool AreAllFree => _free.Count == _count;

    /// <summary>Makes a first batch; false if there is no memory for it.</summary>
    /// <exception cref="Exception">There is no lane and none can be had.</exception>
    public bool MakeOne()
    {
        if (TryMake(Capacity) is not { } batch) return false;
        _free.Push(batch);
        return true;
    }

    /// <summary>A batch without rows; null if all are at work, or there is no memory for another.</summary>
    /// <exception cref="Exception">There is no lane and none can be had.</exception>
    public Batch? TryTake()
    {
        while (_free.TryPop(out var batch))
        {
            if (batch.Lane.Capacity >= Capacity) return batch;

            // There is a larger one, at work or further down.
            Drop(batch);
        }

        if (_count >= memory.BatchesPerQueue) return null;
        try
        {
            return TryMake(Capacity);
        }
        catch (Exception) when (_count > 0)
        {
            // Those that there are come back.
            return null;
        }
    }

    /// <summary>Makes room for more rows, provided that memory allows; lanes that are smaller go when they come back.</summary>
    public void GrowTo(int rows)
    {
        if (TryGrow(rows) is { } larger) _free.Push(larger);
    }

    /// <summary>Takes a batch back. If it was full, a larger one takes its place, provided that memory allows.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="mayGrow">Whether it was full, and its queue is to have larger ones.</param>
    /// <returns>Whether lanes have become larger.</returns>
    public bool PutBack(Batch batch, bool mayGrow)
    {
        var larger = mayGrow && batch.Lane.Capacity >= Capacity && Capacity < memory.Capacity
            ? TryGrow(Math.Min(memory.Capacity, Capacity * 2))
            : null;
        if (larger is not null) _free.Push(larger);
        if (batch.Lane.Capacity >= Capacity) _free.Push(batch);
        else Drop(batch);
        return larger is not null;
    }

    /// <summary>Takes a batch back that had no rows.</summary>
    public void PutBackUnused(Batch batch) => _free.Push(batch);

    public void GiveBack()
    {
        while (_free.TryPop(out var batch))
            Drop(batch);
    }

    private Batch? TryGrow(int wanted)
    {
        try
        {
            if (TryMake(wanted) is not { } larger) return null;
            Capacity = wanted;
            return larger;
        }
#pragma warning disable CA1031 // Those that there are go on.
        catch
#pragma warning restore CA1031
        {
            return null;
        }
    }

    private Batch? TryMake(int rows)
    {
        if (memory.TryRent(queue.Shape, rows) is not { } lane) return null;
        if (shared.AreThere) lane.WriteShared(shared.Inputs);
        _count++;
        return new(queue, lane);
    }

    private void Drop(Batch batch)
    {
        Background.Quietly(Guest.Layer, batch.Lane.Dispose);
        _count--;
    }
}
