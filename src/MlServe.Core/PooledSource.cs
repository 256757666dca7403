using System.Threading.Tasks.Sources;
using MlServe.Guests;

namespace MlServe;

/// <summary>
/// A pooled object that a request waits on. Its result is handed out once, to who came first: a value task that is awaited twice, or read too early, must
/// not give away an object that serves another request by now. So its token is claimed with one compare-and-swap before anything is touched.
/// </summary>
/// <remarks>
/// Who comes second gets an <see cref="InvalidOperationException"/> at its own await. It must not be thrown in <c>OnCompleted</c>: async methods throw what
/// comes from there on the thread pool, which ends the process. A synchronization context that takes no work is no reason not to go on: the pool does then.
/// </remarks>
/// <typeparam name="TResult">What the request waits for.</typeparam>
internal abstract class PooledSource<TResult> : IValueTaskSource<TResult>
{
    // The token, and above it how far its request is.
    private const int Phases = -1 << 16;
    private const int Open = 1 << 16;
    private const int Awaited = 2 << 16;
    private const int GoingOn = 3 << 16;
    private const int GoingOnHere = 4 << 16;

    private static readonly Action<object?> Continue = static source => ((PooledSource<TResult>)source!).GoOn();

    private ManualResetValueTaskSourceCore<TResult> _source;
    private int _claim;
    private Action<object?>? _continuation;
    private object? _state;
    private object? _context;

    TResult IValueTaskSource<TResult>.GetResult(short token)
    {
        if (Awaiting.TakeRefusal(this) || _source.GetStatus(token) == ValueTaskSourceStatus.Pending || !TryClaim((ushort)token)) throw Awaiting.Twice();
        try
        {
            return _source.GetResult(token);
        }
        finally
        {
            Read();
        }
    }

    ValueTaskSourceStatus IValueTaskSource<TResult>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<TResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        var open = Open | (ushort)token;
        if (Interlocked.CompareExchange(ref _claim, Awaited | (ushort)token, open) != open)
        {
            Awaiting.Refuse(this, continuation, state);
            return;
        }

        _continuation = continuation;
        _state = state;
        _context = (flags & ValueTaskSourceOnCompletedFlags.UseSchedulingContext) == 0 ? null : Awaiting.FindContext();
        _source.OnCompleted(Continue, this, token, flags & ~ValueTaskSourceOnCompletedFlags.UseSchedulingContext);
    }

    /// <summary>Whether waiting code goes on on another thread than the one that answers.</summary>
    protected bool ContinuesElsewhere
    {
        set => _source.RunContinuationsAsynchronously = value;
    }

    /// <summary>Begins to serve a request.</summary>
    protected ValueTask<TResult> Begin()
    {
        var token = _source.Version;
        Volatile.Write(ref _claim, Open | (ushort)token);
        return new(this, token);
    }

    /// <summary>Answers. Afterwards the object may serve another request at any time.</summary>
    protected void SetResult(TResult result) => _source.SetResult(result);

    /// <summary>Ends without an answer. Afterwards the object may serve another request at any time.</summary>
    protected void SetException(Exception exception) => _source.SetException(exception);

    /// <summary>Makes ready for the next request; before the object goes back to its pool.</summary>
    protected void Reset() => _source.Reset();

    /// <summary>Called once when the result has been handed out.</summary>
    protected abstract void Read();

    private bool TryClaim(ushort token)
    {
        var claim = Volatile.Read(ref _claim);
        if ((ushort)claim != token) return false;
        switch (claim & Phases)
        {
            case Open or GoingOn:
                break;
            case GoingOnHere when Awaiting.TryRead(this):
                break;
            default:
                return false;
        }

        return Interlocked.CompareExchange(ref _claim, token, claim) == claim;
    }

    private void GoOn()
    {
        if (_context is { } context) Awaiting.Post(context, new Waiter(this), isAction: _state is Action);
        else Invoke();
    }

    private void Invoke()
    {
        var (continuation, state) = (_continuation!, _state);
        (_continuation, _state, _context) = (null, null, null);
        var token = (ushort)_claim;

        // Code that is no async method may read later on, on another thread.
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

    private sealed class Waiter(PooledSource<TResult> source) : Awaiting.IWaiter
    {
        public void GoOn() => source.Invoke();
    }
}

/// <summary>A pooled object that a request waits on for its prediction.</summary>
internal abstract class PooledSource : PooledSource<Prediction>;
