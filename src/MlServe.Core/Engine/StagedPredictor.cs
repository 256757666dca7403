using System.Runtime.ExceptionServices;

namespace MlServe;

/// <summary>
/// Runs stages around an inner predictor: without an allocation, without an async method, and with one object to wait for however many
/// stages there are.
/// </summary>
internal sealed class StagedPredictor : DelegatingPredictor, IShieldsCallers, ITakesDeadlines
{
    /// <summary>The most stages of one.</summary>
    public const int MaxStages = StageCall.StageSlots.Count;

    private readonly PredictionStage[] _stages;
    private readonly TimeProvider _time;
    private bool _isDisposed;

    /// <param name="inner">The predictor behind the stages; not disposed.</param>
    /// <param name="stages">The stages, outermost first, <see cref="MaxStages"/> at most; disposed with this.</param>
    /// <param name="time">The clock for those that ask for one.</param>
    public StagedPredictor(IPredictor inner, PredictionStage[] stages, TimeProvider time)
        : base(inner)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(stages.Length, MaxStages);
        _stages = stages;
        _time = time;
        CallsApplication = Array.Exists(stages, static stage => stage.CallsApplication);

        // Counted from the end, so that a stage has the same place in all that begin further outside.
        for (var i = 0; i < stages.Length; i++)
            stages[i].Slot = stages.Length - 1 - i;
    }

    /// <summary>Whether a hook calls the application's code.</summary>
    public bool CallsApplication { get; }

    /// <summary>Whether it is a limit of time and nothing else.</summary>
    public bool IsLimit => _stages is [LimitStage];

    /// <summary>What stands behind the stages.</summary>
    public IPredictor Behind => Inner;

    bool IShieldsCallers.IsShielding => true;

    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default) =>
        PredictAsync(inputs, options, Deadline.Never, cancellationToken);

    public ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options, Deadline deadline, CancellationToken cancellationToken)
    {
        var call = new StageCall(inputs, options, deadline, _time, cancellationToken);
        return TryAnswerAtOnce(ref call) ? new(call.Answer) : StagedOperation.Rent().Start(this, in call);
    }

    /// <summary>As <see cref="TryAnswer"/> for a call that begins, and faster where no stage waits and nothing fails.</summary>
    private bool TryAnswerAtOnce(ref StageCall call)
    {
        var stages = _stages;
        try
        {
            while (call.Depth < stages.Length && call.Target is null)
            {
                var outcome = stages[call.Depth].Before(ref call);
                call.Depth++;
                if (outcome == StageOutcome.Next) continue;
                call.Phase = outcome == StageOutcome.Answered ? StagePhase.Leaving : StagePhase.Resuming;
                return (outcome == StageOutcome.Answered || TryTake(ref call)) && TryAnswer(ref call);
            }

            call.Phase = StagePhase.Leaving;
            var pending = AskBehind(ref call);
            if (!pending.IsCompletedSuccessfully)
            {
                _ = call.Wait(pending);
                return false;
            }

            call.Answer = pending.GetAwaiter().GetResult();
            return TryLeave(ref call);
        }
        catch (Exception exception)
        {
            if (!TryAnswerFailed(ref call, exception)) throw;
        }

        return TryAnswer(ref call);
    }

    /// <summary>Takes a call further.</summary>
    /// <returns>True: <see cref="StageCall.Answer"/> is the call's; false: <see cref="StageCall.Pending"/> is to be waited for.</returns>
    internal bool TryAnswer(ref StageCall call)
    {
        while (true)
        {
            try
            {
                return TryEnter(ref call) && TryLeave(ref call);
            }
            catch (Exception exception)
            {
                if (!TryAnswerFailed(ref call, exception)) throw;
            }
        }
    }

    /// <summary>
    /// Runs the hooks for a call that ends with an exception: all of them, also behind one that throws, which is thrown in the end.
    /// </summary>
    /// <returns>Whether a stage has an answer all the same, with which the call goes on to the stages around it.</returns>
    internal bool TryAnswerFailed(ref StageCall call, Exception exception)
    {
        ExceptionDispatchInfo? another = null;
        while (call.Depth > 0)
        {
            try
            {
                if (!_stages[--call.Depth].Failed(ref call, exception)) continue;
                call.Phase = StagePhase.Leaving;
                return true;
            }
#pragma warning disable CA1031
            catch (Exception thrown)
#pragma warning restore CA1031
            {
                another ??= ExceptionDispatchInfo.Capture(thrown);
            }
        }

        another?.Throw();
        return false;
    }

    public override object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is null)
        {
            foreach (var stage in _stages)
            {
                if (stage.GetService(serviceType) is { } service) return service;
            }
        }

        return base.GetService(serviceType, serviceKey);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !Interlocked.Exchange(ref _isDisposed, true))
        {
            foreach (var stage in _stages)
                stage.Dispose();
        }

        base.Dispose(disposing);
    }

    protected override async ValueTask DisposeAsyncCore()
    {
        if (!Interlocked.Exchange(ref _isDisposed, true))
        {
            foreach (var stage in _stages)
                await stage.DisposeAsync().ConfigureAwait(false);
        }

        await base.DisposeAsyncCore().ConfigureAwait(false);
    }

    /// <summary>Goes inwards, until a stage or the inner predictor answers or waits.</summary>
    private bool TryEnter(ref StageCall call)
    {
        while (call.Phase != StagePhase.Leaving)
        {
            StageOutcome outcome;
            if (call.Phase == StagePhase.Resuming)
            {
                call.Phase = StagePhase.Entering;
                outcome = _stages[call.Depth - 1].Resume(ref call);
            }
            else if (call.Depth == _stages.Length || call.Target is not null)
            {
                _ = call.Wait(AskBehind(ref call));
                call.Phase = StagePhase.Leaving;
                return TryTake(ref call);
            }
            else
            {
                outcome = _stages[call.Depth].Before(ref call);
                call.Depth++;
            }

            if (outcome == StageOutcome.Next) continue;
            call.Phase = outcome == StageOutcome.Answered ? StagePhase.Leaving : StagePhase.Resuming;
            if (outcome == StageOutcome.Pending && !TryTake(ref call)) return false;
        }

        return true;
    }

    /// <summary>
    /// Goes outwards through the stages that were entered. Each is counted off first, so that none is left twice where a hook throws.
    /// </summary>
    private bool TryLeave(ref StageCall call)
    {
        while (call.Depth > 0)
        {
            if (_stages[--call.Depth].After(ref call) == StageOutcome.Pending && !TryTake(ref call)) return false;
        }

        return true;
    }

    private ValueTask<Prediction> AskBehind(ref StageCall call)
    {
        var behind = call.Target ?? Inner;
        return call.Deadline == long.MaxValue
            ? behind.PredictAsync(call.Inputs, call.Options, call.CancellationToken)
            : call.Until.Ask(behind, call.Inputs, call.Options, call.CancellationToken);
    }

    private static bool TryTake(ref StageCall call)
    {
        if (!call.Pending.IsCompletedSuccessfully) return false;
        call.Answer = call.Pending.GetAwaiter().GetResult();
        call.Pending = default;
        return true;
    }
}
