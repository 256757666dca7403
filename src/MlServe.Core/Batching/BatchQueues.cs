using MlServe.Tensors;

namespace MlServe.Batching;

/// <summary>
/// The queues of one predictor, one for each shape, priority, and value of inputs that hold for all rows. Bounded: what comes in one shape too many is not
/// batched.
/// </summary>
internal sealed class BatchQueues
{
    public const int MaxQueues = 64;

    /// <summary>Values that hold for all rows are compared byte by byte up to this size; requests with larger ones are not batched.</summary>
    private const int MaxSharedBytes = 1024;

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

    /// <summary>Whether a closed batch waits.</summary>
    public bool HasReady
    {
        get
        {
            foreach (var queue in _queues)
            {
                if (queue.HasReady) return true;
            }

            return false;
        }
    }

    public long EarliestOpenedAt
    {
        get
        {
            var earliest = long.MaxValue;
            foreach (var queue in _queues)
                earliest = Math.Min(earliest, queue.NextOpenedAt);
            return earliest == long.MaxValue ? _owner.Now : earliest;
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

    public Batch? Take(long now, CloseReason reason, TimeSpan maxBulkDelay, out long heldUntil)
    {
        var queues = _queues;
        if (queues.Length == 1) return queues[0].Take(now, reason, out heldUntil);

        // Normal requests by age; bulk when there are none, or when it has been passed over long enough to count as one of them.
        heldUntil = long.MaxValue;
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
            if (queues[index].Take(now, reason, out var held) is { } batch) return batch;
            heldUntil = Math.Min(heldUntil, held);
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

            if (_queues.Length >= MaxQueues) return null;
            var made = new BatchQueue(_owner, shape, shared.ToArray(), priority);

            // What is known of one queue's cost is the best guess for another of the same shape.
            foreach (var queue in _queues)
            {
                if (queue.Shape.Equals(shape)) made.Limit = queue.Limit;
            }

            _queues = [.. _queues, made];
            return made;
        }
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
