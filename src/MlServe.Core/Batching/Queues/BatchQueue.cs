namespace MlServe.Batching;

/// <summary>
/// The requests of one shape and priority: an open batch that callers fill, and full ones that wait for a lane. If all lanes are taken,
/// there is a line of requests that hold no memory. Bounded by the predictor's count of queued rows.
/// </summary>
internal sealed class BatchQueue
{
    /// <summary>Requests that have been given up may stand in a line of this length.</summary>
    private const int ShortLine = 16;

    private readonly BatchContext _context;
    private readonly SharedInputs _shared;
    private readonly QueueBatches _batches;
    private readonly Lock _gate = new();
    private readonly Queue<Batch> _ready = new();
    private readonly Queue<BatchSlot> _line = new();
    private Batch? _open;
    private int _full;
    private int _abandoned;
    private bool _isRetired;
    private bool _isClosed;

    public BatchQueue(BatchContext context, LaneShape shape, SharedInputs shared, RequestPriority priority, int capacity)
    {
        _context = context;
        _shared = shared;
        Shape = shape;
        Priority = priority;
        Sizes = new(context.Latency, capacity);
        _batches = new(context.Memory, this, shared, capacity);
    }

    public LaneShape Shape { get; }

    public RequestPriority Priority { get; }

    /// <summary>The rows that a lane of this shape has room for; it grows with the demand.</summary>
    public int Capacity => _batches.Capacity;

    /// <summary>The rows that a batch holds at most.</summary>
    public BatchLimit Sizes { get; }

    /// <summary>The cost of runs.</summary>
    public CostCurve Curve => Sizes.Curve;

    /// <inheritdoc cref="Sizes" />
    public int Limit => _context.Trust.IsLost ? 1 : Sizes.Value;

    /// <summary>When a batch was taken last, in the predictor's own count.</summary>
    public long LastUse { get; private set; }

    /// <summary>Whether inputs that hold for all rows have these values.</summary>
    public bool Matches(LaneShape otherShape, ReadOnlySpan<byte> otherValues, RequestPriority otherPriority) =>
        Priority == otherPriority && Shape.Equals(otherShape) && _shared.Equal(otherValues);

    /// <summary>
    /// Whether there is a batch to run. The line is none. The one that gives a batch back fills it from there and looks here again. A
    /// runner that is sent after a batch that it cannot have would come and go without end. The open batch is looked at first, because it
    /// may be set aside meanwhile.
    /// </summary>
    public bool HasWork => Volatile.Read(ref _open) is { Rows: > 0 } || Volatile.Read(ref _full) > 0;

    /// <summary>When the batch that is next was opened; <see cref="long.MaxValue"/> if there is none.</summary>
    public long NextOpenedAt
    {
        get
        {
            lock (_gate)
                return _ready.TryPeek(out var ready) ? ready.OpenedAt : _open is { Rows: > 0 } open ? open.OpenedAt : long.MaxValue;
        }
    }

    /// <summary>When the next batch may go: 0 for at once, <see cref="long.MaxValue"/> if there is none.</summary>
    public long NextDue
    {
        get
        {
            lock (_gate)
            {
                if (_ready.Count > 0) return 0;
                return _open is { Rows: > 0 } open ? _context.Delay.Until(open, Limit, Curve, out _) : long.MaxValue;
            }
        }
    }

    /// <summary>
    /// Places a request: its rows go into the open batch, or it stands in line. False if the queue has been retired; then nothing has
    /// happened.
    /// </summary>
    /// <exception cref="Exception">There is no lane and none can be had; nothing has happened.</exception>
    public bool Add(BatchSlot slot)
    {
        while (true)
        {
            var batch = Volatile.Read(ref _open);
            if (batch is not null && batch.TryReserve(slot.Rows, Limit, out var index, out var row))
            {
                if (!slot.Write(batch.Lane, row)) batch.HasGap = true;
                if (slot.Deadline != long.MaxValue) batch.Note(slot.Deadline);
                batch.Commit(slot, index);
                return true;
            }

            lock (_gate)
            {
                if (_isRetired) return false;
                if (!ReferenceEquals(batch, _open)) continue;
                if (batch is not null) SetAside(batch);
                if (_line.Count == 0 && TryOpen()) continue;
                slot.Line = this;
                _line.Enqueue(slot);
                return true;
            }
        }
    }

    /// <summary>Takes the next batch to run; null if there is none, or none that may go yet.</summary>
    /// <param name="now">The time, if batches are held back.</param>
    public Batch? Take(long now)
    {
        lock (_gate)
        {
            if (_ready.TryDequeue(out var ready))
            {
                Volatile.Write(ref _full, _ready.Count);
                LastUse = _context.Memory.CountUse();
                return ready;
            }

            if (_open is not { Rows: > 0 } open || _context.Delay.Until(open, Limit, Curve, out var reason) > now) return null;
            open.Close(reason);
            Volatile.Write(ref _open, null);
            LastUse = _context.Memory.CountUse();
            return open;
        }
    }

    /// <summary>Takes a batch back and fills it from the line.</summary>
    public void Recycle(Batch batch)
    {
        var wasFull = batch.Reason == CloseReason.Full;
        batch.Clear();
        lock (_gate)
        {
            if (_batches.PutBack(batch, mayGrow: wasFull && !Sizes.IsMeasured)) Sizes.Grow(Capacity);
            FillFromLine();
        }

        if (wasFull && Sizes.WantsMore(_context.Memory.Capacity)) _context.Calibration?.Ask(this);
    }

    /// <summary>Requests in line, some of them given up.</summary>
    public int InLine
    {
        get
        {
            lock (_gate)
                return _line.Count;
        }
    }

    /// <summary>A request in line has been given up: its rows no longer count, and if they are many the line moves up.</summary>
    public void Abandon(BatchSlot slot)
    {
        lock (_gate)
        {
            if (slot.Line is null) return;
            slot.Line = null;
            _context.Admission.Left(slot.Rows, Priority);
            _abandoned++;
            if (_line.Count <= ShortLine || _abandoned * 2 <= _line.Count) return;
            for (var left = _line.Count; left > 0; left--)
            {
                var next = _line.Dequeue();
                if (next.IsPending) _line.Enqueue(next);
                else ReleaseAbandoned(next);
            }
        }
    }

    /// <summary>Makes a first batch, whose memory counts from now on; false if there is none for it.</summary>
    public bool MakeOne()
    {
        lock (_gate)
            return _batches.MakeOne();
    }

    /// <summary>A size has been measured: if it pays, lanes have room for it from now on.</summary>
    public void Measured(int rows)
    {
        lock (_gate)
        {
            if (_isRetired || _isClosed) return;
            if (rows > Capacity && Curve.LargestWorthwhile(rows) > Capacity) _batches.GrowTo(rows);
            Sizes.Measured(rows, Capacity);
        }
    }

    /// <summary>Gives the lanes back; only if nothing waits or runs.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            GiveLanesBack();
        }
    }

    /// <summary>Gives the lanes back and refuses further requests, unless something waits or runs.</summary>
    public bool TryRetire()
    {
        lock (_gate)
        {
            if (_ready.Count > 0 || _line.Count > 0) return false;
            if (_open is { } open)
            {
                // Whoever has reserved a place by now, or will look at it later on, finds the batch where it is set aside.
                if (open.Rows > 0) return false;
                SetAside(open);
                if (_ready.Count > 0) return false;
            }

            if (!_batches.AreAllFree) return false;
            _isRetired = true;
            GiveLanesBack();
            return true;
        }
    }

    private void GiveLanesBack()
    {
        if (_open is { } open)
        {
            open.Close(CloseReason.Drain);
            _batches.PutBackUnused(open);
        }

        Volatile.Write(ref _open, null);
        _batches.GiveBack();
    }

    private void SetAside(Batch batch)
    {
        batch.Close(CloseReason.Full);

        // Without rows it came round again between a caller's look at it and now.
        if (batch.Rows == 0) _batches.PutBackUnused(batch);
        else _ready.Enqueue(batch);
        Volatile.Write(ref _full, _ready.Count);
        Volatile.Write(ref _open, null);
    }

    /// <exception cref="Exception">There is no lane and none can be had.</exception>
    private bool TryOpen()
    {
        if (_batches.TryTake() is not { } batch) return false;
        batch.Open(_context.Now);
        Volatile.Write(ref _open, batch);
        return true;
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
                    SetAside(batch);
                    continue;
                }

                // Answered between the two looks, it leaves rows behind that nobody wrote.
                _line.Dequeue();
                slot.Line = null;
                if (!slot.TryWrite(batch.Lane, row)) batch.HasGap = true;
                if (slot.Deadline != long.MaxValue) batch.Note(slot.Deadline);
                batch.Commit(slot, index);
            }
            else
            {
                ReleaseAbandoned(_line.Dequeue());
            }
        }
    }

    private void ReleaseAbandoned(BatchSlot slot)
    {
        if (slot.Line is null)
        {
            _abandoned--;
        }
        else
        {
            slot.Line = null;
            _context.Admission.Left(slot.Rows, Priority);
        }

        slot.Release();
    }
}
