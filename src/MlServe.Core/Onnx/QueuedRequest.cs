using System.Threading.Tasks.Sources;

namespace MlServe.Onnx;

/// <summary>
/// A request that waits for a place in the gate. Pooled; goes back to the pool when it has both left the gate and been read. Whoever moves it out of
/// <see cref="Waiting"/> answers it: the thread pool by running it, or the caller's token by giving it up.
/// </summary>
internal sealed class QueuedRequest : IValueTaskSource<Prediction>, IGateWaiter, IThreadPoolWorkItem
{
    private const int Waiting = 0;
    private const int Taken = 1;
    private const int Unread = 1 << 16;

    private ManualResetValueTaskSourceCore<Prediction> _source;
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
    private int _unreadToken;
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
        var token = _source.Version;
        _unreadToken = Unread | (ushort)token;
        var result = new ValueTask<Prediction>(this, token);

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
        if (failure is null) _source.SetResult(answer);
        else _source.SetException(failure);
        Let();
    }

    Prediction IValueTaskSource<Prediction>.GetResult(short token)
    {
        // A value task that is awaited twice, or read too early, must not let go of a request that may serve somebody else by now: the token is taken
        // once, and nothing is touched before.
        if (_source.GetStatus(token) == ValueTaskSourceStatus.Pending
            || Interlocked.CompareExchange(ref _unreadToken, 0, Unread | (ushort)token) != (Unread | (ushort)token))
        {
            throw new InvalidOperationException("The value task of a prediction was awaited twice, or its result was read before it had completed.");
        }

        try
        {
            return _source.GetResult(token);
        }
        finally
        {
            Let();
        }
    }

    ValueTaskSourceStatus IValueTaskSource<Prediction>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<Prediction>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    private void GiveUp()
    {
        if (Interlocked.CompareExchange(ref _state, Taken, Waiting) != Waiting) return;
        var gate = _gate!;
        _predictor!.Dequeued();
        _isGivenUp = true;

        // Whoever cancels must not be made to run the waiting code.
        _source.RunContinuationsAsynchronously = true;
        _source.SetException(new OperationCanceledException(_cancellationToken));

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
        _source.RunContinuationsAsynchronously = false;
        _predictor = null;
        _session = null;
        _gate = null;
        _time = null;
        _inputs = default;
        _request = default;
        _cancellationToken = default;
        _source.Reset();
        Pool<QueuedRequest>.Return(this);
    }
}
