namespace MlServe;

/// <summary>
/// A call whose inner predictor did not answer at once. Pooled, and awaitable through its own value task source: an async method per layer would
/// allocate as soon as more calls are pending than the runtime keeps state machines for.
/// </summary>
internal sealed class StagedOperation : AwaitingSource<Prediction, Prediction>
{
    private StagedPredictor? _owner;
    private StageCall _call;

    public static StagedOperation Rent() => Pool<StagedOperation>.Rent();

    public ValueTask<Prediction> Start(StagedPredictor owner, in StageCall call, ValueTask<Prediction> inner)
    {
        _owner = owner;
        _call = call;
        var result = Begin();

        // The caller's context flows to the hooks only where there is an activity in it for logs and exemplars to find, or where they call the application.
        Await(inner, flowsActivity: true, flowsContext: owner.CallsApplication);
        return result;
    }

    protected override void Read()
    {
        Reset();
        Pool<StagedOperation>.Return(this);
    }

    protected override void Continue()
    {
        var owner = _owner!;
        var depth = owner.StageCount;
        Prediction answer;
        try
        {
            _call.Answer = InnerResult();
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
        ForgetInner();
    }
}
