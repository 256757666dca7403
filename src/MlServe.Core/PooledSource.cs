using System.Runtime.ExceptionServices;
using System.Threading.Tasks.Sources;
using MlServe.Threading;

namespace MlServe;

/// <summary>
/// A pooled object that a request waits on. Its result is handed out once, to one that waits: a value task that is awaited twice, or read too early, must not give away an
/// object that serves another request by now, so its token is claimed with one compare-and-swap before anything is touched. Waiting code that is to go on
/// elsewhere does not depend on the thread pool (<see cref="UrgentWork"/>).
/// </summary>
/// <typeparam name="TResult">What the request waits for.</typeparam>
internal abstract class PooledSource<TResult> : UrgentWork, IValueTaskSource<TResult>
{
    private const int Unread = 1 << 16;

    /// <summary>Stands for waiting code once there is a result.</summary>
    private static readonly Action<object?> Completed = static _ => { };

    private Action<object?>? _continuation;
    private object? _state;
    private ExecutionContext? _executionContext;
    private object? _context;
    private Action<object?>? _dispatched;
    private TResult? _result;
    private ExceptionDispatchInfo? _error;
    private int _unreadToken;
    private int _isAwaited;
    private int _isHeld;
    private short _version;

    TResult IValueTaskSource<TResult>.GetResult(short token)
    {
        // Where somebody waits, the result is for that code alone, once it goes on.
        if (!IsCompleted || Volatile.Read(ref _isHeld) != 0
            || Interlocked.CompareExchange(ref _unreadToken, 0, Unread | (ushort)token) != (Unread | (ushort)token))
        {
            throw AwaitedTwice();
        }

        var (result, error) = (_result, _error);
        Read();
        error?.Throw();
        return result!;
    }

    ValueTaskSourceStatus IValueTaskSource<TResult>.GetStatus(short token)
    {
        if (token != _version) throw AwaitedTwice();
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
        if (token != _version || Interlocked.Exchange(ref _isAwaited, 1) != 0)
        {
            // An exception thrown from here would end the process: the second one that waits is to find it when it reads.
            ThreadPool.UnsafeQueueUserWorkItem(continuation, state, preferLocal: false);
            return;
        }

        Volatile.Write(ref _isHeld, 1);
        _state = state;
        if ((flags & ValueTaskSourceOnCompletedFlags.FlowExecutionContext) != 0) _executionContext = ExecutionContext.Capture();
        if ((flags & ValueTaskSourceOnCompletedFlags.UseSchedulingContext) != 0) _context = SchedulingContext();

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
        _unreadToken = Unread | (ushort)_version;
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
        Volatile.Write(ref _isHeld, 0);
        Volatile.Write(ref _continuation, null);
        Volatile.Write(ref _isAwaited, 0);
    }

    /// <summary>Called once when the result has been handed out.</summary>
    protected abstract void Read();

    /// <summary>What else the object may be queued for than its waiting code. Called also where it is not.</summary>
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

    private void Complete()
    {
        // The one step that publishes. Where nobody waits yet, the object may serve another request right behind it.
        if (Interlocked.Exchange(ref _continuation, Completed) is not { } continuation) return;
        if (ContinuesElsewhere || _context is not null || !Waiter.IsNobodyOrHere) GoOnElsewhere(continuation);
        else GoOn(continuation);
    }

    private void GoOnElsewhere(Action<object?> continuation)
    {
        Volatile.Write(ref _dispatched, continuation);
        if (_context is { } context && TryPost(context)) return;
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

        // From here on the waiting code may read the result, and the object serve somebody else.
        Volatile.Write(ref _isHeld, 0);
        continuation(state);
    }

    /// <summary>False where the context takes no work: whoever waits must hear of the answer all the same.</summary>
    private bool TryPost(object context)
    {
        try
        {
            if (context is SynchronizationContext synchronization)
                synchronization.Post(static source => ((PooledSource<TResult>)source!).Execute(UrgentPlace.PoolThread), this);
            else
                _ = Task.Factory.StartNew(
                    static source => ((PooledSource<TResult>)source!).Execute(UrgentPlace.PoolThread), this, CancellationToken.None, TaskCreationOptions.DenyChildAttach, (TaskScheduler)context);
            return true;
        }
#pragma warning disable CA1031 // It is the caller's, and may be dead.
        catch (Exception)
#pragma warning restore CA1031
        {
            return false;
        }
    }

    private static object? SchedulingContext()
    {
        if (SynchronizationContext.Current is { } context && context.GetType() != typeof(SynchronizationContext)) return context;
        return TaskScheduler.Current is var scheduler && scheduler != TaskScheduler.Default ? scheduler : null;
    }

    private static InvalidOperationException AwaitedTwice() =>
        new("The value task of a prediction was awaited twice, or its result was read before it had completed.");
}

/// <summary>A pooled object that a request waits on for its prediction.</summary>
internal abstract class PooledSource : PooledSource<Prediction>;
