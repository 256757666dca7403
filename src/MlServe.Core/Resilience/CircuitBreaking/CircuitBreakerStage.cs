using MlServe.Guests;

namespace MlServe.Resilience;

/// <summary>Keeps requests from a model whose circuit is open, and tells the circuit how the others ended.</summary>
internal sealed class CircuitBreakerStage(CircuitBreaker breaker, OutputValidator validator, FailureEvidence evidence, SlowRuns slowRuns)
    : PredictionStage
{
    public override bool CallsApplication => validator.CallsApplication;

    public override StageOutcome Before(ref StageCall call)
    {
        if (!breaker.TryEnter(out var period, out var refusal))
        {
            call.Answer = refusal;
            return StageOutcome.Answered;
        }

        StateOf(ref call) = period;
        if (slowRuns.AreTimed) call.AskedAt = call.Now;
        return StageOutcome.Next;
    }

    public override StageOutcome After(ref StageCall call)
    {
        if (TakePeriod(ref call) is not { } period) return StageOutcome.Next;
        if (call.Answer.IsOk)
        {
            if (validator.Check(in call.Answer) is { } invalid)
            {
                call.Answer.Dispose();
                call.Answer = Prediction.FromError(invalid);
                evidence.Accuse(period, invalid, in call.Inputs);
            }
            else
            {
                breaker.Leave(period, slowRuns.AreTimed && slowRuns.IsSlow(in call), null);
            }

            return StageOutcome.Next;
        }

        var error = call.Answer.Error;
        if (IsOfModelOrRequest(error)) evidence.Accuse(period, error, in call.Inputs);
        else if (IsOfTheModel(error)) breaker.Leave(period, true, error);
        else breaker.Leave(period, null, null);
        return StageOutcome.Next;
    }

    public override bool Failed(ref StageCall call, Exception exception)
    {
        if (TakePeriod(ref call) is not { } period) return false;
        if (exception is OperationCanceledException or ObjectDisposedException)
        {
            breaker.Leave(period, null, null);
            return false;
        }

        breaker.Leave(period, true, new(
            PredictionStatus.Failed, PredictionErrorCode.UserCodeFailed, "Model '{0}' threw: {1}", breaker.Model.Name,
            GuestReports.MessageOf(exception))
        {
            Model = breaker.Model,
            Exception = exception,
        });
        return false;
    }

    public override object? GetService(Type serviceType) => serviceType == typeof(ICircuitBreaker) ? breaker : base.GetService(serviceType);

    public override void Dispose()
    {
        evidence.Dispose();
        breaker.Retire();
        base.Dispose();
    }

    private CircuitPeriod? TakePeriod(ref StageCall call)
    {
        ref var state = ref StateOf(ref call);
        var period = (CircuitPeriod?)state;
        state = null;
        return period;
    }

    /// <summary>The cause of a failed run may lie in its inputs.</summary>
    private static bool IsOfModelOrRequest(PredictionError error) =>
        error is { Status: PredictionStatus.Failed, Code: PredictionErrorCode.RuntimeFailed, IsIsolated: false };

    /// <summary>Errors that a caller, a queue or a callback of the application caused say nothing of the model.</summary>
    private static bool IsOfTheModel(PredictionError error) => error.Status switch
    {
        PredictionStatus.Failed => error.Code != PredictionErrorCode.UserCodeFailed && !error.IsIsolated,
        PredictionStatus.DeadlineExceeded => error.Code == PredictionErrorCode.RunTimedOut,
        _ => false,
    };
}
