using System.Threading.Tasks.Sources;

namespace MlServe;

/// <summary>
/// A pooled object that a request waits on. Its result is handed out once: a value task that is awaited twice, or read too early, must not give away an
/// object that serves another request by now, so its token is claimed with one compare-and-swap before anything is touched.
/// </summary>
/// <typeparam name="TResult">What the request waits for.</typeparam>
internal abstract class PooledSource<TResult> : IValueTaskSource<TResult>
{
    private const int Unread = 1 << 16;

    private ManualResetValueTaskSourceCore<TResult> _source;
    private int _unreadToken;

    TResult IValueTaskSource<TResult>.GetResult(short token)
    {
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
            Read();
        }
    }

    ValueTaskSourceStatus IValueTaskSource<TResult>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<TResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        // As the source itself decides.
        ContinuesInContext = (flags & ValueTaskSourceOnCompletedFlags.UseSchedulingContext) != 0
            && SynchronizationContext.Current is { } context && context.GetType() != typeof(SynchronizationContext);
        _source.OnCompleted(continuation, state, token, flags);
    }

    /// <summary>Tells one request that the object serves from the next.</summary>
    protected short Token => _source.Version;

    /// <summary>Whether waiting code goes on where its synchronization context takes it.</summary>
    protected bool ContinuesInContext { get; private set; }

    /// <summary>Whether waiting code goes on on another thread than the one that answers.</summary>
    protected bool ContinuesElsewhere
    {
        set => _source.RunContinuationsAsynchronously = value;
    }

    /// <summary>Begins to serve a request.</summary>
    protected ValueTask<TResult> Begin()
    {
        var token = _source.Version;
        _unreadToken = Unread | (ushort)token;
        ContinuesInContext = false;
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
}

/// <summary>A pooled object that a request waits on for its prediction.</summary>
internal abstract class PooledSource : PooledSource<Prediction>;
