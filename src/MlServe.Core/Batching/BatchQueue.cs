namespace MlServe.Batching;

/// <summary>
/// The requests of one shape and priority: an open batch that callers fill, full ones that wait for a lane, and, where all lanes are taken, a line
/// of requests that hold no memory. Bounded by the predictor's count of queued rows.
/// </summary>
internal sealed class BatchQueue(BatchingPredictor owner, LaneShape shape, byte[] sharedValues, RequestPriority priority)
{
    private readonly Lock _gate = new();
    private readonly Queue<Batch> _ready = new();
    private readonly Queue<BatchSlot> _line = new();
    private readonly Stack<Batch> _free = new();
    private Batch? _open;
    private int _batches;
    private int _waiting;

    public LaneShape Shape { get; } = shape;

    public RequestPriority Priority { get; } = priority;

    public CostCurve Curve { get; } = new();

    /// <summary>The rows that a batch holds at most: the capacity, or less where the curve says that more does not pay.</summary>
    public int Limit { get; set; } = owner.Capacity;

    /// <summary>Whether inputs that hold for all rows have these values.</summary>
    public bool Matches(LaneShape otherShape, ReadOnlySpan<byte> otherValues, RequestPriority otherPriority) =>
        Priority == otherPriority && Shape.Equals(otherShape) && otherValues.SequenceEqual(sharedValues);

    /// <summary>Whether anything waits.</summary>
    public bool HasWork => Volatile.Read(ref _waiting) > 0 || Volatile.Read(ref _open) is { Rows: > 0 };

    /// <summary>Whether a closed batch waits for a lane.</summary>
    public bool HasReady
    {
        get
        {
            lock (_gate)
                return _ready.Count > 0;
        }
    }

    /// <summary>When the batch that is next was opened; <see cref="long.MaxValue"/> where there is none.</summary>
    public long NextOpenedAt
    {
        get
        {
            lock (_gate)
                return _ready.TryPeek(out var ready) ? ready.OpenedAt : _open is { Rows: > 0 } open ? open.OpenedAt : long.MaxValue;
        }
    }

    /// <summary>Places a request: its rows go into the open batch, or it stands in line.</summary>
    public void Add(BatchSlot slot)
    {
        while (true)
        {
            var batch = Volatile.Read(ref _open);
            if (batch is not null && batch.TryReserve(slot.Rows, Limit, out var index, out var row))
            {
                slot.Write(batch.Lane, row);
                batch.Commit(slot, index, slot.Rows);
                return;
            }

            lock (_gate)
            {
                if (!ReferenceEquals(batch, _open)) continue;
                if (batch is not null) SetAside(batch, CloseReason.Full);
                if (_line.Count == 0 && TryOpen()) continue;
                _line.Enqueue(slot);
                _waiting++;
                return;
            }
        }
    }

    /// <summary>Takes the next batch to run; null where there is none, or none that may go yet.</summary>
    /// <param name="now">The time.</param>
    /// <param name="openReason">Why the open batch is taken, should it come to that.</param>
    /// <param name="heldUntil">When the open batch may go, where it is held back.</param>
    public Batch? Take(long now, CloseReason openReason, out long heldUntil)
    {
        heldUntil = long.MaxValue;
        lock (_gate)
        {
            if (_ready.TryDequeue(out var ready))
            {
                _waiting--;
                return ready;
            }

            if (_open is not { Rows: > 0 } open) return null;
            // 0: batches are not held back.
            var until = openReason == CloseReason.Idle ? owner.HoldUntil(this, open) : 0;
            if (until > now)
            {
                heldUntil = until;
                return null;
            }

            open.Close(until == 0 ? openReason : CloseReason.Delay);
            Volatile.Write(ref _open, null);
            return open;
        }
    }

    /// <summary>Takes a batch back and fills it from the line.</summary>
    public void Recycle(Batch batch)
    {
        batch.Clear();
        lock (_gate)
        {
            _free.Push(batch);
            FillFromLine();
        }
    }

    /// <summary>Makes the batches beforehand, so that memory is known before the first request.</summary>
    public List<Batch> MakeAll()
    {
        lock (_gate)
        {
            while (_batches < owner.BatchesPerQueue)
                _free.Push(Make());
            return [.. _free];
        }
    }

    /// <summary>Gives the lanes back; only where nothing waits or runs.</summary>
    public void Close()
    {
        lock (_gate)
        {
            if (_open is { } open) _free.Push(open);
            _open = null;
            while (_free.TryPop(out var batch))
            {
                batch.Lane.Dispose();
                _batches--;
            }
        }
    }

    private void SetAside(Batch batch, CloseReason reason)
    {
        batch.Close(reason);
        Volatile.Write(ref _open, null);
        if (batch.Rows == 0)
        {
            // Nobody fitted in: only where the limit has become smaller than a request.
            _free.Push(batch);
            return;
        }

        _ready.Enqueue(batch);
        _waiting++;
    }

    private bool TryOpen()
    {
        if (!_free.TryPop(out var batch))
        {
            if (_batches >= owner.BatchesPerQueue) return false;
            batch = Make();
        }

        batch.Open(owner.Now);
        Volatile.Write(ref _open, batch);
        return true;
    }

    private Batch Make()
    {
        _batches++;
        return new(this, owner.RentLane(Shape));
    }

    /// <summary>Moves requests from the line into batches as long as there are any free.</summary>
    private void FillFromLine()
    {
        while (_line.TryPeek(out var slot))
        {
            if (slot.IsPending)
            {
                if (_open is null && !TryOpen()) return;
                var batch = _open!;
                if (!batch.TryReserve(slot.Rows, Limit, out var index, out var row))
                {
                    SetAside(batch, CloseReason.Full);
                    continue;
                }

                // Answered between the two looks, it leaves rows behind that nobody reads.
                slot.TryWrite(batch.Lane, row);
                batch.Commit(slot, index, slot.Rows);
            }
            else
            {
                owner.LeftQueue(slot.Rows);
                slot.Let();
            }

            _line.Dequeue();
            _waiting--;
        }
    }
}
