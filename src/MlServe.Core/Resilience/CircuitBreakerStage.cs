using MlServe.Guests;

namespace MlServe.Resilience;

/// <summary>Keeps requests from a model whose circuit is open, and tells the circuit how the others ended.</summary>
internal sealed class CircuitBreakerStage(CircuitBreaker breaker, OutputValidator validator, TimeSpan? slowRun, TimeProvider time) : PredictionStage
{
    // A request is timed only where that can make a difference.
    private readonly long _slowRunTicks = slowRun is { } limit ? (long)(limit.TotalSeconds * time.TimestampFrequency) : long.MaxValue;

    public override bool IsSingle => true;

    public override bool Before(ref StageCall call)
    {
        if (!breaker.TryEnter(out var period, out var refusal))
        {
            call.Answer = refusal;
            return false;
        }

        call.Ticket = period;
        if (slowRun is not null) _ = call.Started;
        return true;
    }

    public override void After(ref StageCall call)
    {
        if (call.Ticket is not CircuitPeriod period) return;
        call.Ticket = null;
        bool? verdict = null;
        PredictionError? failure = null;
        if (call.Answer.IsOk)
        {
            failure = validator.Check(in call.Answer);
            verdict = failure is not null || (slowRun is not null && IsSlow(ref call));
            if (failure is not null)
            {
                call.Answer.Dispose();
                call.Answer = Prediction.FromError(failure);
            }
        }
        else if (IsOfTheModel(call.Answer.Error))
        {
            verdict = true;
            failure = call.Answer.Error;
        }

        breaker.Leave(period, verdict, failure);
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
            Exception = exception,
        });
    }

    public override object? GetService(Type serviceType) => serviceType == typeof(ICircuitBreaker) ? breaker : base.GetService(serviceType);

    public override void Dispose()
    {
        breaker.Retire();
        base.Dispose();
    }

    /// <summary>The run as the batcher measured it; else the whole call but for the wait.</summary>
    private bool IsSlow(ref StageCall call)
    {
        var origin = call.Answer.Origin;
        if (origin.RunTime > TimeSpan.Zero) return origin.RunTime > slowRun;
        var ticks = call.Ended - call.Started;
        return ticks > _slowRunTicks && time.GetElapsedTime(0, ticks) - origin.QueueTime > slowRun;
    }

    /// <summary>What the caller did, what a queue did, and what a callback of the application did say nothing of the model.</summary>
    private static bool IsOfTheModel(PredictionError error) => error.Status switch
    {
        PredictionStatus.Failed => error.Code != PredictionErrorCode.UserCodeFailed && !error.IsIsolated,
        PredictionStatus.DeadlineExceeded => error.Code == PredictionErrorCode.RunTimedOut,
        _ => false,
    };
}
