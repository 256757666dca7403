using System.Diagnostics;

namespace MlServe.Benchmarks.Load;

/// <summary>Callers who wait for their answer before they ask again.</summary>
internal sealed class ClosedLoad(
    OutstandingRequests outstanding, IReadOnlyList<PredictionInputs> inputs, LoadProgress progress, TimeSpan drainTimeout)
{
    private long _next;
    private long _refused;

    /// <summary>Requests that were refused and asked again.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Asks until both the time is over and enough has been answered, or the longest time is over.</summary>
    /// <param name="step">Where to count.</param>
    /// <param name="callers">How many ask at once.</param>
    /// <param name="seconds">For how long at least.</param>
    /// <param name="queries">How many queries at least.</param>
    /// <param name="longest">For how long at most, in seconds.</param>
    /// <param name="cancellationToken">Ends it after the requests that are outstanding.</param>
    public async Task RunAsync(
        StepRecorder step, int callers, double seconds, long queries, double longest, CancellationToken cancellationToken)
    {
        progress.Watch([step], outstanding);
        var start = Stopwatch.GetTimestamp();
        Task[] calling = [.. Enumerable.Range(0, callers).Select(_ => Task.Run(CallAsync, CancellationToken.None))];
        var patience = TimeSpan.FromSeconds(longest) + drainTimeout;
        await Task.WhenAll(calling).WaitAsync(patience, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var _ in calling.Where(static call => !call.IsCompleted))
            step.OnLost();
        step.Seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        progress.Watch([], outstanding);

        async Task CallAsync()
        {
            while (!cancellationToken.IsCancellationRequested)
            {
                var elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
                var index = Interlocked.Increment(ref _next) - 1;
                if (elapsed >= longest || (elapsed >= seconds && index >= queries)) return;
                await AskAsync(step, inputs[(int)(index % inputs.Count)], cancellationToken);
            }
        }
    }

    private async ValueTask AskAsync(StepRecorder step, PredictionInputs row, CancellationToken cancellationToken)
    {
        var sent = Stopwatch.GetTimestamp();
        try
        {
            while (true)
            {
                using var prediction = await outstanding.Predictor.PredictAsync(
                    row, cancellationToken: cancellationToken).ConfigureAwait(false);
                if (prediction.Status == PredictionStatus.Overloaded)
                {
                    Interlocked.Increment(ref _refused);
                    await Task.Delay(1, cancellationToken).ConfigureAwait(false);
                    continue;
                }

                var took = (long)Stopwatch.GetElapsedTime(sent).TotalNanoseconds;
                if (prediction.IsOk) step.OnAnswer(took, took);
                else step.OnError(prediction.Error.ToString());
                return;
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
        }
#pragma warning disable CA1031 // A predictor that throws is an error of the system under test.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            step.OnError($"{exception.GetType().Name}: {exception.Message}");
        }
    }
}
