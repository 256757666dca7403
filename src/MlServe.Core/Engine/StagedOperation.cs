using System.Diagnostics;

namespace MlServe;

/// <summary>
/// A call that waits, for the inner predictor or for what a stage waits for. Pooled, and awaitable through its own value task source. An
/// async method per layer would allocate as soon as more calls are pending than the runtime keeps state machines for.
/// </summary>
internal sealed class StagedOperation : AwaitingSource<Prediction, Prediction>
{
    private StagedPredictor? _owner;
    private StageCall _call;
    private ExecutionContext? _context;
    private Exception? _failure;
    private bool _flows;

    public static StagedOperation Rent() => Pool<StagedOperation>.Rent();

    public ValueTask<Prediction> Start(StagedPredictor owner, in StageCall call)
    {
        _owner = owner;
        _call = call;
        _context = ExecutionContext.Capture();

        // Where the model answers, hooks find the caller's context only if there is an activity in it for logs and exemplars, or if they
        // call the application.
        _flows = owner.CallsApplication || Activity.Current is not null;
        var result = Begin();
        Await();
        return result;
    }

    protected override void Read()
    {
        Reset();
        Pool<StagedOperation>.Return(this);
    }

    protected override void Continue()
    {
        try
        {
            _call.Answer = InnerResult();
        }
#pragma warning disable CA1031 // It goes to the caller.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _failure = exception;
        }

        ForgetInner();
        var isAnswer = _failure is null && _call.Phase == StagePhase.Leaving && _call.Answer.IsOk;
        if (_context is null || (isAnswer && !_flows)) GoOn();
        else ExecutionContext.Run(_context, static operation => ((StagedOperation)operation!).GoOn(), this);
    }

    private void GoOn()
    {
        var failure = _failure;
        _failure = null;
        bool isAnswered;
        try
        {
            if (failure is not null && !_owner!.TryAnswerFailed(ref _call, failure))
            {
                Fail(failure);
                return;
            }

            isAnswered = _owner!.TryAnswer(ref _call);
        }
#pragma warning disable CA1031 // Whatever a hook does, the caller gets an answer.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Fail(exception);
            return;
        }

        if (!isAnswered)
        {
            Await();
            return;
        }

        // Once the result is set, the operation may be rented again by somebody else.
        var answer = _call.Answer;
        Forget();
        SetResult(answer);
    }

    private void Fail(Exception exception)
    {
        Forget();
        SetException(exception);
    }

    private void Await()
    {
        var pending = _call.Pending;
        _call.Pending = default;
        Await(pending);
    }

    private void Forget()
    {
        _owner = null;
        _call = default;
        _context = null;
    }
}
