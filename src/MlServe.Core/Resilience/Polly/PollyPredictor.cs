using System.Runtime.ExceptionServices;
using MlServe.Guests;
using Polly;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace MlServe.Resilience;

/// <summary>
/// Runs requests through a user's Polly pipeline. However many attempts it makes, all have ended when there is an answer (they borrow the
/// caller's memory). All answers but the one that is given are disposed.
/// </summary>
internal sealed class PollyPredictor(IPredictor inner, ResiliencePipeline<Prediction> pipeline) : DelegatingPredictor(inner)
{
    public override async ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var attempts = new Attempts(Inner, inputs, options);
        var context = ResilienceContextPool.Shared.Get(continueOnCapturedContext: false, cancellationToken);
        Outcome<Prediction> outcome;
        try
        {
            outcome = await pipeline.ExecuteOutcomeAsync(
                static (context, attempts) => attempts.RunAsync(context.CancellationToken), context, attempts).ConfigureAwait(false);
        }
        finally
        {
            await attempts.EndAsync().ConfigureAwait(false);
            ResilienceContextPool.Shared.Return(context);
        }

        if (outcome.Exception is { } exception)
        {
            attempts.DisposeAllBut(default);
            if (ToError(exception) is { } error)
                return Prediction.FromError(Inner.GetService<ModelIdentity>() is { } model ? error.Of(model) : error);
            if (exception is OperationCanceledException && cancellationToken.IsCancellationRequested)
                throw new OperationCanceledException(cancellationToken);
            ExceptionDispatchInfo.Throw(exception);
        }

        attempts.DisposeAllBut(outcome.Result);
        return outcome.Result;
    }

    /// <summary>Polly's own exceptions become a status here; those that the pipeline behind it threw do not.</summary>
    private static PredictionError? ToError(Exception exception) => exception switch
    {
        BrokenCircuitException broken => new(PredictionStatus.CircuitOpen,
            broken is IsolatedCircuitException ? PredictionErrorCode.CircuitIsolated : PredictionErrorCode.CircuitOpen, "{0}",
            GuestReports.MessageOf(broken))
        { RetryAfter = broken.RetryAfter, Exception = broken },
        TimeoutRejectedException timeout => new(PredictionStatus.DeadlineExceeded, PredictionErrorCode.TimedOut,
            "The time of the resilience pipeline, {0}, was over before there was an answer.", timeout.Timeout)
        { Exception = timeout },
        ExecutionRejectedException rejected =>
            new(PredictionStatus.Overloaded, PredictionErrorCode.QueueFull, "{0}", GuestReports.MessageOf(rejected))
            {
                Exception = rejected,
            },
        _ => null,
    };

    private sealed class Attempts(IPredictor inner, PredictionInputs inputs, PredictionOptions? options)
    {
        private readonly List<Task<Prediction>> _tasks = [];

        public async ValueTask<Outcome<Prediction>> RunAsync(CancellationToken cancellationToken)
        {
            Task<Prediction> task;
            try
            {
                task = inner.PredictAsync(inputs, options, cancellationToken).AsTask();
            }
#pragma warning disable CA1031 // Polly takes an exception as an outcome.
            catch (Exception exception)
            {
                return Outcome.FromException<Prediction>(exception);
            }

            lock (_tasks) _tasks.Add(task);
            try
            {
                return Outcome.FromResult(await task.ConfigureAwait(false));
            }
            catch (Exception exception)
#pragma warning restore CA1031
            {
                return Outcome.FromException<Prediction>(exception);
            }
        }

        public async Task EndAsync()
        {
            for (var i = 0; ; i++)
            {
                Task<Prediction> task;
                lock (_tasks)
                {
                    if (i == _tasks.Count) return;
                    task = _tasks[i];
                }

                await ((Task)task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        public void DisposeAllBut(in Prediction given)
        {
            foreach (var task in _tasks)
            {
                if (!task.IsCompletedSuccessfully) continue;
                var answer = task.GetAwaiter().GetResult();
                if (!answer.IsSameAs(in given)) answer.Dispose();
            }
        }
    }
}
