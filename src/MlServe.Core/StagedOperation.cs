using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;

namespace MlServe;

/// <summary>
/// A call whose inner predictor did not answer at once. Pooled, and awaitable through its own value task source: an async method per layer would
/// allocate as soon as more calls are pending than the runtime keeps state machines for.
/// </summary>
internal sealed class StagedOperation : IValueTaskSource<Prediction>
{
    private const int Unread = 1 << 16;

    private readonly Action _continue;
    private ManualResetValueTaskSourceCore<Prediction> _source;
    private ConfiguredValueTaskAwaitable<Prediction>.ConfiguredValueTaskAwaiter _inner;
    private StagedPredictor? _owner;
    private StageCall _call;
    private int _unreadToken;

    public StagedOperation() => _continue = Continue;

    public static StagedOperation Rent() => Pool<StagedOperation>.Rent();

    public ValueTask<Prediction> Start(StagedPredictor owner, in StageCall call, ValueTask<Prediction> inner)
    {
        _owner = owner;
        _call = call;
        _inner = inner.ConfigureAwait(false).GetAwaiter();
        var token = _source.Version;
        _unreadToken = Unread | (ushort)token;

        // The caller's context flows to the hooks only where there is an activity in it for logs and exemplars to find.
        if (_inner.IsCompleted) Continue();
        else if (Activity.Current is null) _inner.UnsafeOnCompleted(_continue);
        else _inner.OnCompleted(_continue);
        return new(this, token);
    }

    Prediction IValueTaskSource<Prediction>.GetResult(short token)
    {
        // A value task that is awaited twice, or read too early, must not give away an operation that serves another request by now: the token is
        // taken once, and nothing is touched before.
        if (_source.GetStatus(token) == ValueTaskSourceStatus.Pending ||
            Interlocked.CompareExchange(ref _unreadToken, 0, Unread | (ushort)token) != (Unread | (ushort)token))
        {
            throw new InvalidOperationException("The value task of a prediction was awaited twice, or its result was read before it had completed.");
        }

        try
        {
            return _source.GetResult(token);
        }
        finally
        {
            _source.Reset();
            Pool<StagedOperation>.Return(this);
        }
    }

    ValueTaskSourceStatus IValueTaskSource<Prediction>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<Prediction>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    private void Continue()
    {
        var owner = _owner!;
        var depth = owner.StageCount;
        Prediction answer;
        try
        {
            _call.Answer = _inner.GetResult();
            answer = owner.Finish(ref _call, ref depth);
        }
        catch (Exception exception)
        {
            Fail(owner, depth, exception);
            return;
        }

        // Once the result is set, the operation may be rented again by somebody else.
        Forget();
        _source.SetResult(answer);
    }

    private void Fail(StagedPredictor owner, int depth, Exception exception)
    {
        try
        {
            owner.Fail(ref _call, depth, exception);
        }
#pragma warning disable CA1031 // Whatever a hook does, the caller gets an answer.
        catch (Exception another)
#pragma warning restore CA1031
        {
            exception = another;
        }

        Forget();
        _source.SetException(exception);
    }

    private void Forget()
    {
        _owner = null;
        _call = default;
        _inner = default;
    }
}
