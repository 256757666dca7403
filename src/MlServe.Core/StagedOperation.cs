using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace MlServe;

/// <summary>
/// A call whose inner predictor did not answer at once. Pooled, and awaitable through its own value task source: an async method per layer would
/// allocate as soon as more calls are pending than the runtime keeps state machines for.
/// </summary>
internal sealed class StagedOperation : PooledSource
{
    private readonly Action _continue;
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
        var result = Begin();

        // The caller's context flows to the hooks only where there is an activity in it for logs and exemplars to find, or where they call the application.
        if (_inner.IsCompleted) Continue();
        else if (Activity.Current is null && !owner.CallsApplication) _inner.UnsafeOnCompleted(_continue);
        else _inner.OnCompleted(_continue);
        return result;
    }

    protected override void Read()
    {
        Reset();
        Pool<StagedOperation>.Return(this);
    }

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
        SetResult(answer);
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
        SetException(exception);
    }

    private void Forget()
    {
        _owner = null;
        _call = default;
        _inner = default;
    }
}
