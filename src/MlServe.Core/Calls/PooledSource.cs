using System.Runtime.ExceptionServices;
using System.Threading.Tasks.Sources;
using MlServe.Threading;

namespace MlServe;

/// <summary>
/// A pooled object that a request waits on. Its result is handed out once, to the first reader. A value task that is awaited twice, or read
/// too early, must not give away an object that serves another request by now. So its token is claimed with one compare-and-swap before
/// anything is touched. A second reader gets an <see cref="InvalidOperationException"/> at its own await. Waiting code that is to go on
/// elsewhere does not depend on the thread pool (<see cref="UrgentWork"/>).
/// </summary>
/// <typeparam name="TResult">The type of the result that the request waits for.</typeparam>
internal abstract class PooledSource<TResult> : UrgentWork, IValueTaskSource<TResult>
{
    // The token of a request, and above it how far it is: nobody awaits it, somebody does, that code goes on, and it goes on within a call
    // of this class.
    private const int Phases = -1 << 16;
    private const int Open = 1 << 16;
    private const int Awaited = 2 << 16;
    private const int GoingOn = 3 << 16;
    private const int GoingOnHere = 4 << 16;

    /// <summary>Stands for waiting code once there is a result.</summary>
    private static readonly Action<object?> Completed = static _ => { };

    private Action<object?>? _continuation;
    private object? _state;
    private ExecutionContext? _executionContext;
    private object? _context;
    private Action<object?>? _dispatched;
    private TResult? _result;
    private ExceptionDispatchInfo? _error;
    private int _claim;
    private short _version;

    TResult IValueTaskSource<TResult>.GetResult(short token)
    {
        if (Awaiting.TakeRefusal(this) || !IsCompleted || !TryClaim((ushort)token)) throw Awaiting.Twice();
        var (result, error) = (_result, _error);
        Read();
        error?.Throw();
        return result!;
    }

    ValueTaskSourceStatus IValueTaskSource<TResult>.GetStatus(short token)
    {
        if (token != _version) throw Awaiting.Twice();
        if (!IsCompleted) return ValueTaskSourceStatus.Pending;
        return _error switch
        {
            null => ValueTaskSourceStatus.Succeeded,
            { SourceException: OperationCanceledException } => ValueTaskSourceStatus.Canceled,
            _ => ValueTaskSourceStatus.Faulted,
        };
    }

    void IValueTaskSource<TResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        var open = Open | (ushort)token;
        if (Interlocked.CompareExchange(ref _claim, Awaited | (ushort)token, open) != open)
        {
            Awaiting.Refuse(this, continuation, state);
            return;
        }

        _state = state;
        if ((flags & ValueTaskSourceOnCompletedFlags.FlowExecutionContext) != 0) _executionContext = ExecutionContext.Capture();
        if ((flags & ValueTaskSourceOnCompletedFlags.UseSchedulingContext) != 0) _context = Awaiting.FindContext();

        // Not within this call where the result has come meanwhile: the waiting code is not done with the call yet.
        if (Interlocked.CompareExchange(ref _continuation, continuation, null) is not null) GoOnElsewhere(continuation);
    }

    /// <summary>Tells one request that the object serves from the next.</summary>
    protected short Token => _version;

    /// <summary>Whether waiting code goes on on another thread than the one that answers.</summary>
    protected bool ContinuesElsewhere { get; set; }

    /// <summary>The thread that waits for the request in a synchronous call, if one does.</summary>
    protected WaiterTicket Waiter { get; private set; }

    private bool IsCompleted => ReferenceEquals(Volatile.Read(ref _continuation), Completed);

    /// <summary>Begins to serve a request.</summary>
    protected ValueTask<TResult> Begin()
    {
        Waiter = SyncWaiter.Current;
        Volatile.Write(ref _claim, Open | (ushort)_version);
        return new(this, _version);
    }

    /// <summary>Answers. Afterwards the object may serve another request at any time.</summary>
    protected void SetResult(TResult result)
    {
        _result = result;
        Complete();
    }

    /// <summary>Ends without an answer. Afterwards the object may serve another request at any time.</summary>
    protected void SetException(Exception exception)
    {
        _error = ExceptionDispatchInfo.Capture(exception);
        Complete();
    }

    /// <summary>Makes ready for the next request; before the object goes back to its pool.</summary>
    protected void Reset()
    {
        _version++;
        (_result, _error, _state, _executionContext, _context, _dispatched) = (default, null, null, null, null, null);
        Waiter = default;
        Volatile.Write(ref _continuation, null);
    }

    /// <summary>Called once when the result has been handed out.</summary>
    protected abstract void Read();

    /// <summary>
    /// The other work, beside its waiting code, that the object may be queued for. Called also if it is not queued for such work.
    /// </summary>
    protected virtual void ExecuteOther(UrgentPlace place)
    {
    }

    protected sealed override void Execute(UrgentPlace place)
    {
        // It may be queued for both, and is run once then.
        var continuation = Interlocked.Exchange(ref _dispatched, null);
        ExecuteOther(place);
        if (continuation is not null) GoOn(continuation);
    }

    private bool TryClaim(ushort token)
    {
        var claim = Volatile.Read(ref _claim);
        if ((ushort)claim != token) return false;

        // Where somebody waits, the result is for that code alone, once it goes on.
        var phase = claim & Phases;
        if (phase is not (Open or GoingOn) && (phase != GoingOnHere || !Awaiting.TryRead(this))) return false;
        return Interlocked.CompareExchange(ref _claim, token, claim) == claim;
    }

    private void Complete()
    {
        // The one step that publishes. Where nobody waits yet, the object may serve another request right behind it.
        if (Interlocked.Exchange(ref _continuation, Completed) is not { } continuation) return;
        if (ContinuesElsewhere || _context is not null || !Waiter.IsNobodyOrHere) GoOnElsewhere(continuation);
        else GoOn(continuation);
    }

    private void GoOnElsewhere(Action<object?> continuation)
    {
        if (_context is { } context)
        {
            _context = null;
            Awaiting.Post(context, new InContext(this, continuation));
            return;
        }

        Volatile.Write(ref _dispatched, continuation);
        if (!Waiter.TryGoOn(this)) Queue(HelperThreads.ForAnswers, preferLocal: true);
    }

    private void GoOn(Action<object?> continuation)
    {
        if (_executionContext is not { } context)
        {
            GoOnHere(continuation);
            return;
        }

        Volatile.Write(ref _dispatched, continuation);
        ExecutionContext.Run(
            context,
            static state =>
            {
                var source = (PooledSource<TResult>)state!;
                source.GoOnHere(Interlocked.Exchange(ref source._dispatched, null)!);
            },
            this);
    }

    private void GoOnHere(Action<object?> continuation)
    {
        var state = _state;
        var token = (ushort)_claim;

        // From here on the waiting code may read the result, and the object serve somebody else. Code that is no async method may do so
        // later on, elsewhere.
        if (state is Action)
        {
            Volatile.Write(ref _claim, GoingOn | token);
            continuation(state);
            return;
        }

        var former = Awaiting.BeginRead(this);
        Volatile.Write(ref _claim, GoingOnHere | token);
        try
        {
            continuation(state);
        }
        finally
        {
            Awaiting.EndRead(former);
        }
    }

    private sealed class InContext(PooledSource<TResult> source, Action<object?> continuation) : Awaiting.IWaiter
    {
        public void GoOn() => source.GoOn(continuation);

        public void GoOnElsewhere() => source.GoOnElsewhere(continuation);
    }
}

/// <summary>A pooled object that a request waits on for its prediction.</summary>
internal abstract class PooledSource : PooledSource<Prediction>;
