using MlServe.Guests;

namespace MlServe.Resilience;

/// <summary>Keeps requests from a model whose circuit is open, and tells the circuit how the others ended.</summary>
internal sealed class CircuitBreakerStage(CircuitBreaker breaker, OutputValidator validator, FailureEvidence evidence, SlowRuns slowRuns) : PredictionStage
{
    public override bool IsSingle => true;

    public override bool CallsApplication => validator.CallsApplication;

    public override bool Before(ref StageCall call)
    {
        if (!breaker.TryEnter(out var period, out var refusal))
        {
            call.Answer = refusal;
            return false;
        }

        call.Ticket = period;
        if (slowRuns.AreTimed) _ = call.Started;
        return true;
    }

    public override void After(ref StageCall call)
    {
        if (call.Ticket is not CircuitPeriod period) return;
        call.Ticket = null;
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
                breaker.Leave(period, slowRuns.AreTimed && slowRuns.IsSlow(ref call), null);
            }

            return;
        }

        var error = call.Answer.Error;
        if (IsOfModelOrRequest(error)) evidence.Accuse(period, error, in call.Inputs);
        else if (IsOfTheModel(error)) breaker.Leave(period, true, error);
        else breaker.Leave(period, null, null);
    }

    public override void Failed(ref StageCall call, Exception exception)
    {
        if (call.Ticket is not CircuitPeriod period) return;
        call.Ticket = null;
        if (exception is OperationCanceledException or ObjectDisposedException)
        {
            breaker.Leave(period, null, null);
            return;
        }

        breaker.Leave(period, true, new(PredictionStatus.Failed, PredictionErrorCode.UserCodeFailed, "Model '{0}' threw: {1}", breaker.Model.Name, GuestReports.MessageOf(exception))
        {
            Model = breaker.Model,
            Exception = exception,
        });
    }

    public override object? GetService(Type serviceType) => serviceType == typeof(ICircuitBreaker) ? breaker : base.GetService(serviceType);

    public override void Dispose()
    {
        evidence.Dispose();
        breaker.Retire();
        base.Dispose();
    }

    /// <summary>What a run fails of may lie in its inputs.</summary>
    private static bool IsOfModelOrRequest(PredictionError error) => error is { Status: PredictionStatus.Failed, Code: PredictionErrorCode.RuntimeFailed, IsIsolated: false };

    /// <summary>What the caller did, what a queue did, and what a callback of the application did say nothing of the model.</summary>
    private static bool IsOfTheModel(PredictionError error) => error.Status switch
    {
        PredictionStatus.Failed => error.Code != PredictionErrorCode.UserCodeFailed && !error.IsIsolated,
        PredictionStatus.DeadlineExceeded => error.Code == PredictionErrorCode.RunTimedOut,
        _ => false,
    };
}
