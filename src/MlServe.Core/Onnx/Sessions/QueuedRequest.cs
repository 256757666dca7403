using MlServe.Threading;

namespace MlServe.Onnx;

/// <summary>
/// A request that waits for a place in the gate. Pooled; goes back to the pool when it has both left the gate and been read. The one that
/// moves it out of <see cref="Waiting"/> answers it: the thread that runs it, its caller's token, or its deadline. It runs on the thread
/// pool, or on a helper thread if the pool does not come to it. If its caller waits in a synchronous call, it runs on the caller's own
/// thread.
/// </summary>
#pragma warning disable CA1001 // Pooled: what it holds goes where the pool does not take it back.
internal sealed class QueuedRequest : PooledSource, IGateWaiter, IDeadlineOwner
#pragma warning restore CA1001
{
    // The low bit of the state; above it a generation, so that a deadline which is told late cannot end the next request of the same
    // object.
    private const int Waiting = 0;
    private const int Taken = 1;

    private readonly DeadlineAlarm _alarm;
    private OnnxPredictor? _predictor;
    private OnnxSession? _session;
    private TimeProvider? _time;
    private PredictionInputs _inputs;
    private PreparedRequest _request;
    private CancellationToken _cancellationToken;
    private CancellationTokenRegistration _registration;
    private long _enqueued;
    private long _deadline;
    private int _state = Taken;
    private int _holders;
    private int _isAdmitted;
    private bool _isTimed;
    private bool _isCancelled;
    private volatile bool _isGivenUp;

    public QueuedRequest() => _alarm = new(this);

    public GateFlow? Flow { get; private set; }

    public bool IsBulk { get; private set; }

    public bool Yields => IsBulk && _time!.GetElapsedTime(_enqueued) < OnnxPredictor.MaxBulkDelay;

    public bool HasLeft => _isGivenUp;

    public long Charge { get; set; }

    public static QueuedRequest Rent() => Pool<QueuedRequest>.Rent();

    public ValueTask<Prediction> Start(
        OnnxPredictor predictor, OnnxSession session, GateFlow flow, TimeProvider time,
        in PredictionInputs inputs, in PreparedRequest request, PredictionOptions? options, long deadline,
        CancellationToken cancellationToken)
    {
        _predictor = predictor;
        _session = session;
        Flow = flow;
        _time = time;
        _inputs = inputs;
        _request = request;
        IsBulk = options?.Priority == RequestPriority.Bulk;
        _cancellationToken = cancellationToken;
        _enqueued = time.GetTimestamp();
        _deadline = deadline;
        _holders = 2;
        var turn = unchecked((_state | Taken) + 1);
        Volatile.Write(ref _state, turn);
        var result = Begin();

        // In line first: the waiting code of one that ends at once must not be gone before the gate has let go of it.
        flow.Gate.Enqueue(this);
        Watch(turn, cancellationToken);
        return result;
    }

    void IGateWaiter.Enter()
    {
        Interlocked.Exchange(ref _isAdmitted, 1);
        if (!Waiter.TryRun(this)) Queue(HelperThreads.ForRuns);
    }

    void IGateWaiter.Drop()
    {
        _session!.Release();
        Release();
    }

    /// <summary>It has its place: runs, unless it has been given up.</summary>
    protected override void ExecuteOther(UrgentPlace place)
    {
        if (Interlocked.Exchange(ref _isAdmitted, 0) == 0) return;
        var gate = Flow!.Gate;
        var session = _session!;
        if (!TryTake(Volatile.Read(ref _state) & ~Taken))
        {
            // Already answered.
            gate.Exit(this, null);
            session.Release();
            Release();
            return;
        }

        _predictor!.Dequeued();
        Waiter.Answered();
        var started = _time!.GetTimestamp();
        Prediction answer = default;
        Exception? failure = null;
        try
        {
            answer = _predictor.RunQueued(in _inputs, in _request, _enqueued, started, _deadline, _cancellationToken);
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        gate.Exit(this, _time.GetElapsedTime(started));
        session.Release();

        // A helper is not to be held up by waiting code.
        ContinuesElsewhere = place is UrgentPlace.Helper or UrgentPlace.LateHelper;
        if (failure is null) SetResult(answer);
        else SetException(failure);
        Release();
    }

    protected override void Read() => Release();

    private void Watch(int turn, CancellationToken cancellationToken)
    {
        // May run here and now, or find the request already taken; both are told apart by the state.
        if (cancellationToken.CanBeCanceled)
            _registration = cancellationToken.UnsafeRegister(static request => ((QueuedRequest)request!).Cancel(), this);
        if (_deadline == long.MaxValue) return;
        _isTimed = true;
        _alarm.Start(_time!, _deadline, turn);
    }

    private void Cancel()
    {
        if (TryGiveUp(Volatile.Read(ref _state) & ~Taken, isCancelled: true)) End(new OperationCanceledException(_cancellationToken));
    }

    void IDeadlineOwner.Expire(int turn)
    {
        if (TryGiveUp(turn, isCancelled: false)) End(_predictor!.TimedOut(isRun: false));
    }

    private bool TryTake(int waiting) => Interlocked.CompareExchange(ref _state, waiting | Taken, waiting) == waiting;

    private bool TryGiveUp(int waiting, bool isCancelled)
    {
        if (!TryTake(waiting)) return false;
        _isCancelled = isCancelled;
        _predictor!.Dequeued();

        // Whoever cancels must not be made to run the waiting code.
        ContinuesElsewhere = true;
        Waiter.Answered();
        return true;
    }

    private void End(PredictionError error)
    {
        var flow = Flow;
        _isGivenUp = true;
        SetResult(Prediction.FromError(error));

        // From here on it may serve somebody else.
        flow!.Gate.Leave(flow);
    }

    private void End(Exception exception)
    {
        var flow = Flow;
        _isGivenUp = true;
        SetException(exception);
        flow!.Gate.Leave(flow);
    }

    /// <summary>One of the two holders, the gate and the reader, is done with it.</summary>
    private void Release()
    {
        if (Interlocked.Decrement(ref _holders) > 0) return;

        // Waits for a callback under way, which must not meet the next user of this object; one that gave the request up is past that.
        if (!_isCancelled) _registration.Dispose();
        if (_isTimed) _alarm.Stop();
        _registration = default;
        _isTimed = false;
        _isCancelled = false;
        _isGivenUp = false;
        ContinuesElsewhere = false;
        _predictor = null;
        _session = null;
        Flow = null;
        _time = null;
        _inputs = default;
        _request = default;
        _cancellationToken = default;
        Reset();
        if (!Pool<QueuedRequest>.Return(this)) _alarm.Dispose();
    }
}
