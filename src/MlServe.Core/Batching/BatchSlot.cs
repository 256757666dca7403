namespace MlServe.Batching;

/// <summary>
/// A request on its way through the batcher. Pooled; goes back when both its batch and its caller are done with it. Whoever moves it out of
/// <see cref="Pending"/> answers it: the lane that ran it, its caller's token, or its deadline.
/// </summary>
internal sealed class BatchSlot : PooledSource
{
    private const int Pending = 0;
    private const int Busy = 1;
    private const int Taken = 2;

    private const int Cancelled = 1;
    private const int Expired = 2;

    private BatchingPredictor? _owner;
    private PredictionInputs _inputs;
    private BatchRequest _request;
    private CancellationToken _cancellationToken;
    private CancellationTokenRegistration _registration;
    private ITimer? _timer;
    private TimeProvider? _timerClock;
    private bool _isTimed;
    private bool _isGivenUp;
    private int _sourceRow;
    private int _state;
    private int _late;
    private int _holders;

    /// <summary>The rows of this slot: the request's own, or a part of them.</summary>
    public int Rows { get; private set; }

    /// <summary>The request as far as this slot goes.</summary>
    public BatchRequest Request { get; private set; }

    /// <summary>Gives the whole up; where nobody else is in its batch the run is stopped by it.</summary>
    public CancellationToken CancellationToken => _cancellationToken;

    // A lane has others to answer, and whoever cancels must not be made to run the waiting code.
    public BatchSlot() => ContinuesElsewhere = true;

    public bool IsPending => Volatile.Read(ref _state) != Taken;

    /// <summary>The timestamp at which the caller stops waiting; <see cref="long.MaxValue"/>: never.</summary>
    public long Deadline { get; private set; }

    public static BatchSlot Rent(
        BatchingPredictor owner, in PredictionInputs inputs, in BatchRequest request, int sourceRow, int rows, long deadline, CancellationToken cancellationToken)
    {
        var slot = Pool<BatchSlot>.Rent();
        slot._owner = owner;
        slot._inputs = inputs;
        slot._request = request;
        slot.Request = request with { Rows = rows };
        slot._sourceRow = sourceRow;
        slot.Rows = rows;
        slot.Deadline = deadline;
        slot._cancellationToken = cancellationToken;
        slot._holders = 2;
        slot._late = Pending;
        Volatile.Write(ref slot._state, Pending);
        return slot;
    }

    /// <summary>The caller's view of the slot; once for each request.</summary>
    public ValueTask<Prediction> Task() => Begin();

    /// <summary>Copies the rows into a lane. The caller of the request does this itself before anybody can answer it.</summary>
    public void Write(ILane lane, int row) => lane.Write(in _inputs, in _request, _sourceRow, Rows, row);

    /// <summary>Copies the rows into a lane later on; false where the request has been answered, and its memory may be somebody else's by now.</summary>
    public bool TryWrite(ILane lane, int row)
    {
        if (Interlocked.CompareExchange(ref _state, Busy, Pending) != Pending) return false;
        Write(lane, row);
        Volatile.Write(ref _state, Pending);

        // Whoever came meanwhile has left a word.
        Interlocked.MemoryBarrier();
        var late = Volatile.Read(ref _late);
        if (late != Pending) EndEarly(late);
        return true;
    }

    /// <summary>Begins to listen to the caller's token and deadline. Called by the caller once the slot is placed.</summary>
    public void Watch(TimeProvider time, long now)
    {
        if (_cancellationToken.CanBeCanceled)
            _registration = _cancellationToken.UnsafeRegister(static slot => ((BatchSlot)slot!).EndEarly(Cancelled), this);
        if (Deadline == long.MaxValue) return;

        if (!ReferenceEquals(_timerClock, time))
        {
            _timer?.Dispose();
            _timerClock = time;
            _timer = time.CreateTimer(static slot => ((BatchSlot)slot!).Expire(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }

        _isTimed = true;
        var left = time.GetElapsedTime(now, Deadline);
        _timer!.Change(left > TimeSpan.Zero ? left : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Claims the right to answer.</summary>
    public bool TryTake() => Interlocked.CompareExchange(ref _state, Taken, Pending) == Pending;

    /// <summary>Answers a request that was taken.</summary>
    public void Answer(Prediction prediction)
    {
        _owner!.Answered();
        SetResult(prediction);
    }

    /// <summary>Ends a request that was taken without an answer.</summary>
    public void Answer(Exception exception)
    {
        _owner!.Answered();
        SetException(exception);
    }

    /// <summary>One of the two holders, batch and caller, is done with it.</summary>
    public void Let()
    {
        if (Interlocked.Decrement(ref _holders) > 0) return;

        // Waits for a callback under way, which must not meet the next user of this object; one that gave the request up is past that.
        if (!_isGivenUp) _registration.Dispose();
        if (_isTimed) _timer!.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _registration = default;
        _isGivenUp = false;
        _isTimed = false;
        _owner = null;
        _inputs = default;
        _request = default;
        Request = default;
        _cancellationToken = default;
        Reset();
        if (!Pool<BatchSlot>.Return(this)) _timer?.Dispose();
    }

    protected override void Read() => Let();

    private void Expire()
    {
        // A timer that fires late may meet another request: that one's own deadline decides.
        if (_owner is { } owner && owner.Now >= Deadline) EndEarly(Expired);
    }

    private void EndEarly(int cause)
    {
        Volatile.Write(ref _late, cause);
        Interlocked.MemoryBarrier();
        if (!TryTake()) return;
        if (cause == Expired)
        {
            Answer(Prediction.FromError(_owner!.TimedOut()));
            return;
        }

        _isGivenUp = true;
        Answer(new OperationCanceledException(_cancellationToken));
    }
}
