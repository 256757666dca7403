namespace MlServe.Batching;

/// <summary>
/// The queues of one predictor, one for each shape, priority, and value of inputs that hold for all rows. Bounded in number and in the
/// memory of their lanes. One queue too many takes the place of one that rests; if none rests, its requests are not batched.
/// </summary>
internal sealed class BatchQueues
{
    private readonly BatchContext _context;
    private readonly IModelExecutor _executor;
    private readonly Lock _gate = new();
    private readonly int[] _sharedInputs;
    private long _usesAtTrim;
    private volatile BatchQueue[] _queues = [];

    public BatchQueues(BatchContext context, IModelExecutor executor)
    {
        _context = context;
        _executor = executor;
        _sharedInputs =
            [.. Enumerable.Range(0, executor.Signature.Inputs.Count).Where(i => executor.Signature.Inputs[i].BatchAxis is null)];
        if (!executor.Signature.IsBatchable) _sharedInputs = [];
    }

    /// <summary>The costs of runs, as far as they are known.</summary>
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

    /// <summary>When the next batch may go: 0 for at once, <see cref="long.MaxValue"/> if there is none.</summary>
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

    /// <summary>Whether all that is to be done is work in bulk that has not been passed over long enough.</summary>
    public bool HasOnlyBulk()
    {
        var hasBulk = false;
        foreach (var queue in _queues)
        {
            if (!queue.HasWork) continue;
            if (queue.Priority == RequestPriority.Normal || IsAged(queue.NextOpenedAt, _context.Now, BulkCredit)) return false;
            hasBulk = true;
        }

        return hasBulk;
    }

    public BatchQueue? Find(in PredictionInputs inputs, in PreparedRequest request, RequestPriority priority)
    {
        if (_sharedInputs.Length == 0) return Find(in request, default, priority);
        Span<byte> shared = stackalloc byte[SharedInputs.MaxBytes];
        var length = SharedInputs.Copy(_executor.Signature, _sharedInputs, in inputs, shared);
        return length < 0 ? null : Find(in request, shared[..length], priority);
    }

    /// <summary>As <see cref="Find(in PredictionInputs, in PreparedRequest, RequestPriority)"/>, for a caller.</summary>
    /// <returns>Null, or what the caller hears of an exception of the executor's.</returns>
    public PredictionError? TryFind(in PredictionInputs inputs, in PreparedRequest request, RequestPriority priority, out BatchQueue? queue)
    {
        queue = null;
        try
        {
            queue = Find(in inputs, in request, priority);
            return null;
        }
#pragma warning disable CA1031 // A shape that is new needs lanes, and whatever an executor throws is a status.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return _context.Errors.Refused(exception);
        }
    }

    /// <summary>Hands a request over to a queue, or answers it if its executor fails; false if no queue takes it.</summary>
    public bool TryPut(BatchQueue queue, BatchSlot slot)
    {
        try
        {
            for (var current = queue; current is not null && slot.Rows <= current.Capacity; current = slot.FindQueue(this, queue.Priority))
            {
                if (current.Add(slot)) return true;
            }

            return false;
        }
#pragma warning disable CA1031 // Whatever an executor throws, the request must be answered.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _context.Admission.Left(slot.Rows, queue.Priority);
            if (slot.TryTake()) slot.Answer(Prediction.FromError(_context.Errors.Refused(exception)));
            slot.Release();
            return true;
        }
    }

    public Batch? Take(long now)
    {
        var queues = _queues;
        if (queues.Length == 1) return queues[0].Take(now);

        // Normal requests by age; bulk when there are none, or when it has been passed over long enough to count as one of them.
        var bulkCredit = BulkCredit;
        Span<(long Rank, int Index)> order = stackalloc (long, int)[queues.Length];
        var count = 0;
        for (var i = 0; i < queues.Length; i++)
        {
            var openedAt = queues[i].NextOpenedAt;
            if (openedAt == long.MaxValue) continue;
            var isAged = queues[i].Priority == RequestPriority.Normal || IsAged(openedAt, now, bulkCredit);
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

    /// <summary>How long work in bulk may be passed over, in ticks of the clock.</summary>
    private long BulkCredit =>
        (long)Math.Min(_context.Options.MaxBulkDelay.TotalSeconds * _context.Time.TimestampFrequency, long.MaxValue / 4);

    private static bool IsAged(long openedAt, long now, long credit) => openedAt != long.MaxValue && now - openedAt >= credit;

    public void Close()
    {
        foreach (var queue in _queues)
            queue.Close();
    }

    private BatchQueue? Find(in PreparedRequest request, ReadOnlySpan<byte> shared, RequestPriority priority)
    {
        foreach (var queue in _queues)
        {
            if (queue.Matches(request.Shape, shared, priority)) return queue;
        }

        return Add(in request, shared, priority);
    }

    private BatchQueue? Add(in PreparedRequest request, ReadOnlySpan<byte> shared, RequestPriority priority)
    {
        var shape = request.Shape;
        lock (_gate)
        {
            foreach (var queue in _queues)
            {
                if (queue.Matches(shape, shared, priority)) return queue;
            }

            if (_queues.Length >= LaneBudget.MaxQueues && !TryRetire()) return null;
            var capacity = CapacityFor(shape, request.Rows);
            if (capacity == 0) return null;
            var made = new BatchQueue(_context, shape, new SharedInputs(_executor.Signature, shared), priority, capacity);
            if (!made.MakeOne()) return null;

            // What is known of one queue's cost is the best guess for another of the same shape.
            foreach (var queue in _queues)
            {
                if (queue.Shape.Equals(shape)) made.Sizes.TakeAfter(queue.Sizes);
            }

            _queues = [.. _queues, made];
            return made;
        }
    }

    /// <summary>
    /// The rows that lanes of a new shape hold at first: as many as its share of memory allows or its first request asks for. A shape that
    /// comes often gets larger ones. 0 if not one row fits.
    /// </summary>
    private int CapacityFor(LaneShape shape, int rows)
    {
        var rowBytes = 0L;
        while (rowBytes == 0)
        {
            using var lane = _context.Memory.TryRent(shape, 1);
            if (lane is not null) rowBytes = Math.Max(1, lane.Bytes / Math.Max(1, lane.Capacity));
            else if (!TryRetire()) return 0;
        }

        // The sample that calibration begins with is what most requests are like: it gets room as sizes are measured.
        var isFirst = _queues.Length == 0 && _executor.SampleRequest is not null;
        return isFirst && _context.Calibration is not null ? rows : _context.Memory.CapacityFor(rowBytes, rows, isFirst);
    }

    /// <summary>Gives up the queues that were not used since the last time, but for the one whose limit was measured.</summary>
    public void Trim()
    {
        lock (_gate)
        {
            _queues = [.. _queues.Where(queue => queue.Sizes.IsMeasured || queue.LastUse > _usesAtTrim || !queue.TryRetire())];
            _usesAtTrim = _queues.Length == 0 ? 0 : _queues.Max(static queue => queue.LastUse);
        }
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
}
