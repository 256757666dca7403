namespace MlServe.Onnx;

/// <summary>
/// A request that waits for a place in the gate. Pooled; goes back to the pool when it has both left the gate and been read. Whoever moves it out of
/// <see cref="Waiting"/> answers it: the thread pool by running it, or the caller's token by giving it up.
/// </summary>
internal sealed class QueuedRequest : PooledSource, IGateWaiter, IThreadPoolWorkItem
{
    private const int Waiting = 0;
    private const int Taken = 1;

    private OnnxPredictor? _predictor;
    private OnnxSession? _session;
    private RunGate? _gate;
    private TimeProvider? _time;
    private PredictionInputs _inputs;
    private BatchRequest _request;
    private CancellationToken _cancellationToken;
    private CancellationTokenRegistration _registration;
    private long _enqueued;
    private int _state;
    private int _holders;
    private volatile bool _isGivenUp;

    public static QueuedRequest Rent() => Pool<QueuedRequest>.Rent();

    public ValueTask<Prediction> Start(
        OnnxPredictor predictor, OnnxSession session, RunGate gate, TimeProvider time,
        in PredictionInputs inputs, in BatchRequest request, CancellationToken cancellationToken)
    {
        _predictor = predictor;
        _session = session;
        _gate = gate;
        _time = time;
        _inputs = inputs;
        _request = request;
        _cancellationToken = cancellationToken;
        _enqueued = time.GetTimestamp();
        _state = Waiting;
        _holders = 2;
        var result = Begin();

        gate.Enqueue(this);
        if (cancellationToken.CanBeCanceled)
        {
            // May run here and now, or find the request already taken; both are told apart by the state.
            _registration = cancellationToken.UnsafeRegister(static request => ((QueuedRequest)request!).GiveUp(), this);
        }

        return result;
    }

    /// <summary>The gate has made room: run on the thread pool, behind what it already has to do.</summary>
    void IGateWaiter.Enter() => ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);

    bool IGateWaiter.HasLeft => _isGivenUp;

    void IGateWaiter.Drop()
    {
        _session!.Release();
        Let();
    }

    void IThreadPoolWorkItem.Execute()
    {
        var gate = _gate!;
        var session = _session!;
        if (Interlocked.CompareExchange(ref _state, Taken, Waiting) != Waiting)
        {
            // Given up while it waited, and already answered.
            gate.Exit();
            session.Release();
            Let();
            return;
        }

        _predictor!.Dequeued();
        Prediction answer = default;
        Exception? failure = null;
        try
        {
            answer = _predictor.RunQueued(in _inputs, in _request, _time!.GetElapsedTime(_enqueued), _cancellationToken);
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        gate.Exit();
        session.Release();
        if (failure is null) SetResult(answer);
        else SetException(failure);
        Let();
    }

    protected override void Read() => Let();

    private void GiveUp()
    {
        if (Interlocked.CompareExchange(ref _state, Taken, Waiting) != Waiting) return;
        var gate = _gate!;
        _predictor!.Dequeued();
        _isGivenUp = true;

        // Whoever cancels must not be made to run the waiting code.
        ContinuesElsewhere = true;
        SetException(new OperationCanceledException(_cancellationToken));

        // From here on it may serve somebody else.
        gate.Leave();
    }

    /// <summary>One of the two holders, the gate and the reader, is done with it.</summary>
    private void Let()
    {
        if (Interlocked.Decrement(ref _holders) > 0) return;

        // Waits for a callback under way, which must not meet the next user of this object; one that gave the request up is past that.
        if (!_isGivenUp) _registration.Dispose();
        _registration = default;
        _isGivenUp = false;
        ContinuesElsewhere = false;
        _predictor = null;
        _session = null;
        _gate = null;
        _time = null;
        _inputs = default;
        _request = default;
        _cancellationToken = default;
        Reset();
        Pool<QueuedRequest>.Return(this);
    }
}
