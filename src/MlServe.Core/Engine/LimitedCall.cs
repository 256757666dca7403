using MlServe.Guests;
using MlServe.Tensors;
using MlServe.Threading;

namespace MlServe;

/// <summary>
/// A call of layers that may overrun. It runs on a thread of its own kind with a copy of the inputs; the first of its answer, its caller's
/// token and the deadline ends it for its caller. Pooled; goes back when it has been read and the layers have ended.
/// </summary>
#pragma warning disable CA1001 // Pooled: what it holds goes where the pool does not take it back.
internal sealed class LimitedCall : AwaitingSource<Prediction, Prediction>, IDeadlineOwner
#pragma warning restore CA1001
{
    private readonly Lock _lock = new();
    private readonly DeadlineAlarm _alarm;
    private readonly Beginning _beginning;
    private CancellationTokenSource _source = new();
    private CancellationTokenRegistration _registration;
    private CancellationToken _callersToken;
    private LimitedPredictor? _owner;
    private OwnedInputs? _inputs;
    private PredictionOptions? _options;
    private ExecutionContext? _context;
    private int _holders;
    private bool _isOpen;
    private bool _isCut;

    public LimitedCall() => (_beginning, _alarm) = (new(this), new(this));

    public static LimitedCall Rent() => Pool<LimitedCall>.Rent();

    public ValueTask<Prediction> Start(
        LimitedPredictor owner, long deadline, in PredictionInputs inputs, PredictionOptions options, CancellationToken cancellationToken)
    {
        if (owner.Overruns.IsFull) return Refuse(owner.TooManyOverruns());
        try
        {
            _inputs = OwnedInputs.Copy(in inputs);
        }
        catch (UnreadableInputException exception)
        {
            return Refuse(OwnedInputs.Unreadable(exception));
        }

        _owner = owner;
        _options = options;
        _callersToken = cancellationToken;
        _context = ExecutionContext.Capture();
        _holders = 2;
        var result = Begin();
        lock (_lock)
            _isOpen = true;
        _alarm.Start(owner.Time, deadline, Token);
        if (cancellationToken.CanBeCanceled)
            _registration = cancellationToken.UnsafeRegister(static call => ((LimitedCall)call!).Cancel(), this);
        _beginning.Begin();
        return result;
    }

    protected override void Continue()
    {
        Prediction answer = default;
        Exception? failure = null;
        try
        {
            answer = InnerResult();
        }
#pragma warning disable CA1031 // It goes to the caller.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            failure = exception;
        }

        EndLayers(answer, failure);
    }

    protected override void Read() => Release();

    private ValueTask<Prediction> Refuse(PredictionError error)
    {
        if (!Pool<LimitedCall>.Return(this)) _alarm.Dispose();
        return new(Prediction.FromError(error));
    }

    private void CallLayers()
    {
        ValueTask<Prediction> pending;
        try
        {
            // Nobody waits any more for one that comes too late.
            if (!IsOpen())
            {
                EndLayers(default, null);
                return;
            }

            pending = _owner!.Layer.PredictAsync(_inputs!.Inputs, _options, _source.Token);
        }
#pragma warning disable CA1031 // It goes to the caller.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            EndLayers(default, exception);
            return;
        }

        Await(pending);
    }

    /// <summary>The layers have ended: answers, unless the caller has been answered.</summary>
    private void EndLayers(Prediction answer, Exception? failure)
    {
        ForgetInner();
        _inputs!.Dispose();
        if (TryClose(isCut: false))
        {
            // A thread that runs layers is not to be held up by waiting code.
            ContinuesElsewhere = true;
            if (failure is null) SetResult(answer);
            else
                SetException(failure is OperationCanceledException && _callersToken.IsCancellationRequested
                    ? new OperationCanceledException(_callersToken)
                    : failure);
        }
        else
        {
            _owner!.Overruns.End();
            answer.Dispose();
            if (failure is not null and not OperationCanceledException) GuestReports.OfProcess.Add(Guest.Layer, failure);
        }

        Release();
    }

    private void Cancel()
    {
        var (source, owner) = (_source, _owner!);
        if (!TryClose(isCut: true)) return;
        ContinuesElsewhere = true;
        SetException(new OperationCanceledException(_callersToken));
        TellLayers(source, owner);
    }

    void IDeadlineOwner.Expire(int turn)
    {
        CancellationTokenSource source;
        LimitedPredictor owner;
        lock (_lock)
        {
            if (!_isOpen || turn != Token) return;
            (_isOpen, _isCut) = (false, true);
            (source, owner) = (_source, _owner!);
            owner.Overruns.Begin();
        }

        // From its result on, the object may serve another request.
        ContinuesElsewhere = true;
        SetResult(Prediction.FromError(owner.TimedOut()));
        TellLayers(source, owner);
    }

    /// <summary>
    /// Elsewhere, because what layers register may block: not on the thread of the clock, nor within the call by which the caller cancels,
    /// for whose end its answer waits.
    /// </summary>
    private static void TellLayers(CancellationTokenSource source, LimitedPredictor owner)
    {
        _ = UrgentCancel.CancelAsync(source, HelperThreads.ForLayers);
        owner.Overruns.Tell();
    }

    private bool IsOpen()
    {
        lock (_lock)
            return _isOpen;
    }

    /// <summary>Claims the right to answer.</summary>
    private bool TryClose(bool isCut)
    {
        lock (_lock)
        {
            if (!_isOpen) return false;
            _isOpen = false;
            if (isCut)
            {
                _isCut = true;
                _owner!.Overruns.Begin();
            }

            return true;
        }
    }

    /// <summary>One of the two holders, the layers and the reader, is done with it.</summary>
    private void Release()
    {
        if (Interlocked.Decrement(ref _holders) > 0) return;

        // Waits for a callback under way, which must not meet the next user of this object.
        _registration.Dispose();
        _alarm.Stop();
        _registration = default;
        if (_isCut || !_source.TryReset()) _source = new();
        _isCut = false;
        (_owner, _inputs, _options, _context, _callersToken) = (null, null, null, null, default);
        ContinuesElsewhere = false;
        Reset();
        if (!Pool<LimitedCall>.Return(this)) _alarm.Dispose();
    }

    /// <summary>
    /// Calls the layers, in their caller's context. Not on the threads for answers: layers that block may take all threads of theirs, and
    /// then the deadline is to be answered all the same, and so is everybody else. Apart from the call, because it may still stand in line
    /// when that has an answer.
    /// </summary>
    private sealed class Beginning(LimitedCall call) : UrgentWork
    {
        public void Begin() => Queue(HelperThreads.ForLayers);

        protected override void Execute(UrgentPlace place)
        {
            if (call._context is null) call.CallLayers();
            else ExecutionContext.Run(call._context, static call => ((LimitedCall)call!).CallLayers(), call);
        }
    }
}
