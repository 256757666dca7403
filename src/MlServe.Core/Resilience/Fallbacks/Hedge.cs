using MlServe.Threading;

namespace MlServe.Resilience;

/// <summary>
/// One request to two models. The second is asked when the first is late; the first good answer cancels the other request. Both borrow the
/// caller's memory, so both have ended when there is an answer.
/// </summary>
internal sealed class Hedge(
    FallbackChain owner, IPredictor first, ModelStep other, TimeProvider time, PredictionInputs inputs, PredictionOptions? options,
    Deadline deadline, CancellationToken cancellationToken)
    : IDisposable
{
    private readonly CancellationTokenSource _first = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
    private readonly CancellationTokenSource _other = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
    private PredictionError? _firstError;

    public async Task<(Prediction Answer, bool IsOther, PredictionError? OtherError)> RunAsync(TimeSpan delay)
    {
        // Begun first: a model may run on this very thread until it has answered.
        var wait = new UrgentDelay(delay, time);
        var late = AskOtherAsync(wait);
        Prediction? answer = null;
        Exception? failure = null;
        try
        {
            answer = await deadline.Ask(first, inputs, options, _first.Token).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // The other request must end before this goes on.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            failure = exception;
        }

        // The model was in time, or nobody else is to blame: the other is not needed.
        wait.EndHere();
        if (answer is { } given && (given.IsOk || !owner.IsNeeded(in given))) await UrgentEnd.Of(UrgentCancel.CancelAsync(_other));
        if (failure is not null and not OperationCanceledException) await UrgentEnd.Of(UrgentCancel.CancelAsync(_other));

        Prediction? second = null;
        await UrgentEnd.Of(late);
        try
        {
            second = await late.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
        }
        catch
        {
            answer?.Dispose();
            throw;
        }

        if (cancellationToken.IsCancellationRequested && failure is OperationCanceledException && second is not { IsOk: true })
            throw new OperationCanceledException(cancellationToken);
        if (answer is { IsOk: true } best)
        {
            second?.Dispose();
            return (best, false, null);
        }

        _firstError = answer?.Error;
        if (second is { IsOk: true } substitute) return (substitute, true, null);
        if (failure is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        return (answer!.Value, false, second?.Error);
    }

    /// <summary>Why the first did not answer.</summary>
    public PredictionError Reason(TimeSpan delay) => _firstError ?? new(
        PredictionStatus.DeadlineExceeded, PredictionErrorCode.WaitTooLong,
        "Model '{0}' had not answered after {1:F1} ms, and another was faster.",
        owner.Model, delay.TotalMilliseconds)
    {
        Model = first.GetService<ModelIdentity>(),
    };

    public void Dispose()
    {
        _first.Dispose();
        _other.Dispose();
    }

    private async Task<Prediction?> AskOtherAsync(UrgentDelay wait)
    {
        await UrgentEnd.Of(wait.Ended);
        if (!await wait.Ended.ConfigureAwait(false) || cancellationToken.IsCancellationRequested) return null;

        if (deadline.IsOver) return null;
        var asking = owner.AskAsync(other, inputs, options, deadline, _other.Token);
        await UrgentEnd.Of(asking);
        var answer = await asking.ConfigureAwait(false);

        // A request that is no longer needed frees its lane.
        if (answer.IsOk) await UrgentEnd.Of(UrgentCancel.CancelAsync(_first));
        return answer;
    }
}
