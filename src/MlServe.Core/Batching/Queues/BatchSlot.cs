using MlServe.Threading;

namespace MlServe.Batching;

/// <summary>
/// A request on its way through the batcher. Pooled; goes back when both its batch and its caller are done with it. The one that moves it
/// to <see cref="Taken"/> answers it: the lane that ran it, its caller's token, or its deadline.
/// </summary>
#pragma warning disable CA1001 // Pooled: what it holds goes where the pool does not take it back.
internal sealed class BatchSlot : PooledSource, IDeadlineOwner
#pragma warning restore CA1001
{
    // The low bits of the state; above them a generation, so that a deadline which is told late cannot end the next request of the same
    // object.
    private const int Pending = 0;
    private const int Busy = 1;
    private const int BusyAndCancelled = 2;
    private const int BusyAndExpired = 3;
    private const int Taken = 4;
    private const int Phases = 7;

    private readonly DeadlineAlarm _alarm;
    private BatchContext? _context;
    private BatchQueue? _line;
    private PredictionInputs _inputs;
    private PreparedRequest _request;
    private CancellationToken _cancellationToken;
    private CancellationTokenRegistration _registration;
    private bool _isTimed;
    private bool _isGivenUp;
    private int _sourceRow;
    private int _state = Taken;
    private int _holders;
    private Batch? _running;
    private long _placedAt;
    private Prediction _prediction;
    private long _runStarted;
    private long _runExpected;

    public BatchSlot() => _alarm = new(this);

    /// <summary>The rows of this slot: the request's own, or a part of them.</summary>
    public int Rows { get; private set; }

    /// <summary>The request as far as this slot goes.</summary>
    public PreparedRequest Request { get; private set; }

    /// <summary>Gives the whole up; if nobody else is in its batch, the run is stopped by it.</summary>
    public CancellationToken CancellationToken => _cancellationToken;

    /// <summary>The error that its caller hears if there is no answer.</summary>
    public BatchErrors Errors => _context!.Errors;

    public bool IsPending => (Volatile.Read(ref _state) & Phases) != Taken;

    /// <summary>Whether a thread waits in a synchronous call, on which the caller's code goes on.</summary>
    public bool HasWaiter => Waiter.IsSomebody;

    /// <summary>The timestamp at which the caller stops waiting; <see cref="long.MaxValue"/>: never.</summary>
    public long Deadline { get; private set; }

    /// <summary>The queue in whose line the slot stands and is counted. Only that queue writes it, under its lock.</summary>
    public BatchQueue? Line
    {
        get => Volatile.Read(ref _line);
        set => Volatile.Write(ref _line, value);
    }

    public static BatchSlot Rent(
        BatchContext context, in PredictionInputs inputs, in PreparedRequest request, int sourceRow, int rows, long deadline,
        CancellationToken cancellationToken)
    {
        var slot = Pool<BatchSlot>.Rent();
        slot._context = context;
        slot._inputs = inputs;
        slot._request = request;
        slot.Request = request with { Rows = rows };
        slot._sourceRow = sourceRow;
        slot.Rows = rows;
        slot.Deadline = deadline;
        slot._cancellationToken = cancellationToken;
        slot._holders = 2;
        slot._runStarted = 0;

        // Whoever cancels must not be made to run the waiting code.
        slot.ContinuesElsewhere = true;
        Volatile.Write(ref slot._state, unchecked((slot._state | Phases) + 1));
        return slot;
    }

    /// <summary>The caller's view of the slot; once for each request.</summary>
    public ValueTask<Prediction> Task() => Begin();

    /// <summary>The queue that takes requests like this one.</summary>
    public BatchQueue? FindQueue(BatchQueues queues, RequestPriority priority) => queues.Find(in _inputs, in _request, priority);

    /// <summary>
    /// Copies the rows into a lane. The caller of the request does this itself before anybody else knows of the slot. If that fails the
    /// request is answered, and its place in the lane is not to be run: false.
    /// </summary>
    public bool Write(ILane lane, int row)
    {
        try
        {
            Copy(lane, row);
            return true;
        }
        // Whatever a lane throws, the caller must hear of it, and its neighbours must not wait for rows that never come.
#pragma warning disable CA1031
        catch (Exception exception)
#pragma warning restore CA1031
        {
            if (TryTake()) Answer(Prediction.FromError(_context!.Errors.Failed(exception)));
            return false;
        }
    }

    /// <summary>
    /// Copies the rows into a lane later on. False if the request has been answered, and its memory may be somebody else's by now.
    /// </summary>
    public bool TryWrite(ILane lane, int row)
    {
        var pending = Volatile.Read(ref _state) & ~Phases;
        var busy = pending | Busy;
        if (Interlocked.CompareExchange(ref _state, busy, pending) != pending) return false;
        Exception? failure = null;
        try
        {
            Copy(lane, row);
        }
#pragma warning disable CA1031 // As above.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            failure = exception;
        }

        if (failure is null && Interlocked.CompareExchange(ref _state, pending, busy) == busy) return true;

        // Whoever came meanwhile has left a word.
        var end = Volatile.Read(ref _state) & Phases;
        Volatile.Write(ref _state, pending | Taken);
        if (failure is not null) Answer(Prediction.FromError(_context!.Errors.Failed(failure)));
        else if (end == BusyAndExpired) Answer(Prediction.FromError(_context!.Errors.TimedOut(IsRunToBlame())));
        else Answer(new OperationCanceledException(_cancellationToken));
        return false;
    }

    /// <summary>Begins to listen to the caller's token and deadline. Called by the caller once the slot is placed.</summary>
    public void Watch(TimeProvider time, long now)
    {
        if (_cancellationToken.CanBeCanceled)
            _registration = _cancellationToken.UnsafeRegister(static slot => ((BatchSlot)slot!).Cancel(), this);
        if (Deadline == long.MaxValue) return;

        _placedAt = now;
        _isTimed = true;
        _alarm.Start(time, Deadline, Volatile.Read(ref _state) & ~Phases);
    }

    /// <summary>Tells that the batch begins to run, and lets it know that somebody waits for it.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="now">The moment, as a timestamp.</param>
    /// <param name="expected">Until when the run may take without being slower than others.</param>
    public void BeginRun(Batch batch, long now, long expected)
    {
        _runExpected = expected;
        Volatile.Write(ref _runStarted, now);
        batch.Join();
        Volatile.Write(ref _running, batch);
        Interlocked.MemoryBarrier();

        // Who has given up before that could not take it back.
        if (!IsPending) EndRun();
    }

    /// <summary>Nobody waits for the run any more, or it has ended.</summary>
    public void EndRun() => Interlocked.Exchange(ref _running, null)?.Leave();

    /// <summary>Claims the right to answer.</summary>
    public bool TryTake()
    {
        var pending = Volatile.Read(ref _state) & ~Phases;
        return Interlocked.CompareExchange(ref _state, pending | Taken, pending) == pending;
    }

    /// <summary>Answers a request that was taken. The waiting code goes on elsewhere.</summary>
    public void Answer(Prediction prediction)
    {
        Waiter.Answered();
        _context!.InFlight.Answered();
        SetResult(prediction);
    }

    /// <summary>Keeps the answer of a request that was taken for <see cref="AnswerKept"/>. Its batch is done with it.</summary>
    public void Keep(Prediction prediction)
    {
        Waiter.Answered();
        _prediction = prediction;
        Volatile.Write(ref _holders, 1);
    }

    /// <summary>Answers with the kept answer; its request has been counted as answered.</summary>
    /// <param name="isHere">Whether the waiting code goes on within this call.</param>
    public void AnswerKept(bool isHere)
    {
        var prediction = _prediction;
        _prediction = default;
        ContinuesElsewhere = !isHere;
        try
        {
            SetResult(prediction);
        }
#pragma warning disable CA1031 // The waiting code's own; its neighbours wait for their answers.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Unhandled.Throw(exception);
        }
    }

    /// <summary>Ends a request that was taken without an answer. The waiting code goes on elsewhere.</summary>
    public void Answer(Exception exception)
    {
        Waiter.Answered();
        _context!.InFlight.Answered();
        SetException(exception);
    }

    /// <summary>One of the two holders, batch and caller, is done with it.</summary>
    public void Release()
    {
        if (Volatile.Read(ref _holders) > 1 && Interlocked.Decrement(ref _holders) > 0) return;

        // Waits for a callback under way, which must not meet the next user of this object; one that gave the request up is past that.
        if (!_isGivenUp) _registration.Dispose();
        if (_isTimed) _alarm.Stop();
        _registration = default;
        _isGivenUp = false;
        _isTimed = false;
        _context = null;
        _inputs = default;
        _request = default;
        Request = default;
        _cancellationToken = default;
        Reset();
        if (!Pool<BatchSlot>.Return(this)) _alarm.Dispose();
    }

    /// <summary>Gives the slot back that nobody has seen.</summary>
    public void Forget()
    {
        TryTake();
        Release();
        Release();
    }

    protected override void Read() => Release();

    private void Copy(ILane lane, int row) => lane.Write(in _inputs, in _request, _sourceRow, Rows, row);

    /// <summary>
    /// Whether the run has taken most of the time that the caller gave, and longer than was to be expected. A caller that gives less time
    /// than any run takes blames nobody else.
    /// </summary>
    private bool IsRunToBlame()
    {
        var started = Volatile.Read(ref _runStarted);
        return started != 0 && Deadline - started > started - _placedAt && Deadline >= _runExpected;
    }

    void IDeadlineOwner.Expire(int turn) => TryEnd(turn, BusyAndExpired);

    private void Cancel() => TryEnd(Volatile.Read(ref _state) & ~Phases, BusyAndCancelled);

    private void TryEnd(int generation, int end)
    {
        while (true)
        {
            var seen = Volatile.Read(ref _state);
            if ((seen & ~Phases) != generation || (seen & Phases) is not (Pending or Busy)) return;
            var isBusy = (seen & Phases) == Busy;
            if (Interlocked.CompareExchange(ref _state, generation | (isBusy ? end : Taken), seen) != seen) continue;
            if (isBusy) return;
            break;
        }

        _isGivenUp = end == BusyAndCancelled;
        Line?.Abandon(this);
        EndRun();
        if (end == BusyAndExpired) Answer(Prediction.FromError(_context!.Errors.TimedOut(IsRunToBlame())));
        else Answer(new OperationCanceledException(_cancellationToken));
    }
}
