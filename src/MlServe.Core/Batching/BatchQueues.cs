using MlServe.Tensors;

namespace MlServe.Batching;

/// <summary>
/// The queues of one predictor, one for each shape, priority, and value of inputs that hold for all rows. Bounded in number and in the memory of their lanes:
/// one too many takes the place of one that rests, and is not batched where none does.
/// </summary>
internal sealed class BatchQueues
{
    public const int MaxQueues = 64;

    /// <summary>Values that hold for all rows are compared byte by byte up to this size; requests with larger ones are not batched.</summary>
    private const int MaxSharedBytes = 1024;

    /// <summary>One batch that runs, one that fills, one that is full.</summary>
    private const int EnoughBatches = 3;

    private readonly BatchingPredictor _owner;
    private readonly IBatchExecutor _executor;
    private readonly Lock _gate = new();
    private readonly int[] _sharedInputs;
    private volatile BatchQueue[] _queues = [];

    public BatchQueues(BatchingPredictor owner, IBatchExecutor executor)
    {
        _owner = owner;
        _executor = executor;
        _sharedInputs = [.. Enumerable.Range(0, executor.Signature.Inputs.Count).Where(i => executor.Signature.Inputs[i].BatchAxis is null)];
        if (!executor.Signature.IsBatchable) _sharedInputs = [];
    }

    /// <summary>What runs cost as far as is known.</summary>
    public IReadOnlyList<BatchCost> Costs() => [.. _queues.Select(static queue => new BatchCost(
        queue.Shape, queue.Priority, TimeSpan.FromSeconds(queue.Curve.Fixed), TimeSpan.FromSeconds(queue.Curve.PerRow), queue.Limit))];

    public bool HasWork
    {
        get
        {
            foreach (var queue in _queues)
            {
                if (queue.HasWork) return true;
            }

            return false;
        }
    }

    public int Count => _queues.Length;

    public int InLine => _queues.Sum(static queue => queue.InLine);

    /// <summary>When the next batch may go: 0 for at once, <see cref="long.MaxValue"/> where there is none.</summary>
    public long NextDue
    {
        get
        {
            var due = long.MaxValue;
            foreach (var queue in _queues)
                due = Math.Min(due, queue.NextDue);
            return due;
        }
    }

    /// <summary>Whether taking a batch means choosing between queues by their age.</summary>
    public bool NeedsTime => _queues.Length > 1;

    public BatchQueue? Find(in PredictionInputs inputs, in BatchRequest request, RequestPriority priority)
    {
        if (_sharedInputs.Length == 0) return Find(request.Shape, default, priority);
        Span<byte> shared = stackalloc byte[MaxSharedBytes];
        var length = CopyShared(in inputs, shared);
        return length < 0 ? null : Find(request.Shape, shared[..length], priority);
    }

    public Batch? Take(long now, TimeSpan maxBulkDelay)
    {
        var queues = _queues;
        if (queues.Length == 1) return queues[0].Take(now);

        // Normal requests by age; bulk when there are none, or when it has been passed over long enough to count as one of them.
        var bulkCredit = (long)Math.Min(maxBulkDelay.TotalSeconds * _owner.Time.TimestampFrequency, long.MaxValue / 4);
        Span<(long Rank, int Index)> order = stackalloc (long, int)[queues.Length];
        var count = 0;
        for (var i = 0; i < queues.Length; i++)
        {
            var openedAt = queues[i].NextOpenedAt;
            if (openedAt == long.MaxValue) continue;
            var isAged = queues[i].Priority == RequestPriority.Normal || now - openedAt >= bulkCredit;
            order[count++] = (isAged ? openedAt : long.MaxValue / 2 + (openedAt / 2), i);
        }

        order = order[..count];
        order.Sort(static (left, right) => left.Rank.CompareTo(right.Rank));
        foreach (var (_, index) in order)
        {
            if (queues[index].Take(now) is { } batch) return batch;
        }

        return null;
    }

    public void Close()
    {
        foreach (var queue in _queues)
            queue.Close();
    }

    private BatchQueue? Find(LaneShape shape, ReadOnlySpan<byte> shared, RequestPriority priority)
    {
        foreach (var queue in _queues)
        {
            if (queue.Matches(shape, shared, priority)) return queue;
        }

        return Add(shape, shared, priority);
    }

    private BatchQueue? Add(LaneShape shape, ReadOnlySpan<byte> shared, RequestPriority priority)
    {
        lock (_gate)
        {
            foreach (var queue in _queues)
            {
                if (queue.Matches(shape, shared, priority)) return queue;
            }

            if (_queues.Length >= MaxQueues && !TryRetire()) return null;
            var capacity = CapacityFor(shape);
            if (capacity == 0) return null;
            var made = new BatchQueue(_owner, shape, shared.ToArray(), priority, capacity);
            made.MakeOne();

            // What is known of one queue's cost is the best guess for another of the same shape.
            foreach (var queue in _queues)
            {
                if (queue.Shape.Equals(shape)) made.Sizes.TakeAfter(queue.Sizes);
            }

            _queues = [.. _queues, made];
            return made;
        }
    }

    /// <summary>How many rows a lane of a shape may hold, so that the queue's lanes keep to what is left of their memory; 0 where not one lane does.</summary>
    private int CapacityFor(LaneShape shape)
    {
        long rowBytes;
        using (var lane = _executor.Rent(shape, 1))
            rowBytes = Math.Max(1, lane.Bytes / Math.Max(1, lane.Capacity));
        while (_owner.RoomForLanes < rowBytes)
        {
            if (!TryRetire()) return 0;
        }

        var affordable = _owner.RoomForLanes / rowBytes;
        return (int)Math.Clamp(affordable / Math.Min(_owner.BatchesPerQueue, EnoughBatches), 1, _owner.Capacity);
    }

    /// <summary>Makes room: gives up the queue that has not been used for longest and has nothing to do.</summary>
    private bool TryRetire()
    {
        var queues = _queues;
        var byAge = (BatchQueue[])queues.Clone();

        // By a copy: they are used while they are sorted.
        Array.Sort(Array.ConvertAll(queues, static queue => queue.LastUse), byAge);
        foreach (var queue in byAge)
        {
            if (!queue.TryRetire()) continue;
            _queues = [.. queues.Where(other => !ReferenceEquals(other, queue))];
            return true;
        }

        return false;
    }

    /// <summary>The bytes of all inputs that hold for all rows, with their lengths; -1 where they are too many, or not bytes.</summary>
    private int CopyShared(in PredictionInputs inputs, Span<byte> target)
    {
        var used = 0;
        for (var i = 0; i < inputs.Count; i++)
        {
            ref readonly var input = ref PredictionInputs.ItemOf(in inputs, i);
            var index = input.Name is null ? _executor.Signature.SoleRequiredInput : _executor.Signature.IndexOfInput(input.Name);
            if (Array.IndexOf(_sharedInputs, index) < 0) continue;
            if (input.Kind != ValueKind.Tensor || input.Elements.Type == ElementType.String) return -1;
            var bytes = TypedBytes.Of(input.Elements);
            if (used + 2 * sizeof(int) + bytes.Length > target.Length) return -1;
            BitConverter.TryWriteBytes(target[used..], index);
            BitConverter.TryWriteBytes(target[(used + sizeof(int))..], bytes.Length);
            bytes.CopyTo(target[(used + (2 * sizeof(int)))..]);
            used += (2 * sizeof(int)) + bytes.Length;
        }

        return used;
    }
}
