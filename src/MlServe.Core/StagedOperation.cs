using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;

namespace MlServe;

/// <summary>
/// A call whose inner predictor did not answer at once. Pooled, and awaitable through its own value task source: an async method per layer would
/// allocate as soon as more calls are pending than the runtime keeps state machines for.
/// </summary>
internal sealed class StagedOperation : IValueTaskSource<Prediction>
{
    private readonly Action _continue;
    private ManualResetValueTaskSourceCore<Prediction> _source;
    private ConfiguredValueTaskAwaitable<Prediction>.ConfiguredValueTaskAwaiter _inner;
    private StagedPredictor? _owner;
    private StageCall _call;

    public StagedOperation() => _continue = Continue;

    public static StagedOperation Rent() => Pool<StagedOperation>.Rent();

    public ValueTask<Prediction> Start(StagedPredictor owner, in StageCall call, ValueTask<Prediction> inner)
    {
        _owner = owner;
        _call = call;
        _inner = inner.ConfigureAwait(false).GetAwaiter();
        var token = _source.Version;
        if (_inner.IsCompleted) Continue();
        else _inner.UnsafeOnCompleted(_continue);
        return new(this, token);
    }

    Prediction IValueTaskSource<Prediction>.GetResult(short token)
    {
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
        Prediction answer;
        try
        {
            _call.Answer = _inner.GetResult();
            answer = owner.FinishAll(ref _call);
        }
        catch (Exception exception)
        {
            owner.FailAll(ref _call, exception);
            Forget();
            _source.SetException(exception);
            return;
        }

        // Once the result is set, the operation may be rented again by somebody else.
        Forget();
        _source.SetResult(answer);
    }

    private void Forget()
    {
        _owner = null;
        _call = default;
        _inner = default;
    }
}
