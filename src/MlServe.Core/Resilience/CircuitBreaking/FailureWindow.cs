using Polly;
using Polly.CircuitBreaker;

namespace MlServe.Resilience;

/// <summary>
/// Counts runs in a sliding window and says when too many of them failed: Polly's circuit breaker, which is told of each run behind it. Polly's own way through an open
/// circuit makes an exception for each refusal, so what is open is kept by <see cref="CircuitBreaker"/>.
/// </summary>
internal sealed class FailureWindow
{
    private readonly CircuitBreakerStateProvider _state = new();
    private readonly CircuitBreakerManualControl _control = new();
    private readonly ResiliencePipeline<bool> _pipeline;

    public FailureWindow(CircuitBreakerOptions options, TimeProvider time)
    {
        _pipeline = new ResiliencePipelineBuilder<bool> { TimeProvider = new SteadyTime(time) }
            .AddCircuitBreaker(new()
            {
                FailureRatio = options.FailureRatio,
                MinimumThroughput = options.MinimumThroughput,
                SamplingDuration = options.SamplingDuration,
                BreakDuration = TimeSpan.FromDays(1),
                ShouldHandle = static arguments => new(arguments.Outcome.Result),
                StateProvider = _state,
                ManualControl = _control,
            })
            .Build();
    }

    /// <summary>Counts a run.</summary>
    /// <returns>Whether too many have failed, this one among them.</returns>
    public bool Count(bool isFailure)
    {
        var context = ResilienceContextPool.Shared.Get(continueOnCapturedContext: false, CancellationToken.None);
        var pending = _pipeline.ExecuteOutcomeAsync(static (_, isFailure) => new ValueTask<Outcome<bool>>(Outcome.FromResult(isFailure)), context, isFailure);
        ResilienceContextPool.Shared.Return(context);
        System.Diagnostics.Debug.Assert(pending.IsCompleted, "Without callbacks nothing waits.");
        return isFailure && _state.CircuitState == Polly.CircuitBreaker.CircuitState.Open;
    }

    /// <summary>Forgets what was counted.</summary>
    public void Reset() => _ = _control.CloseAsync();

    /// <summary>A wall clock that runs as the timestamps do, so that setting the system's clock neither empties the window nor stops it.</summary>
    private sealed class SteadyTime(TimeProvider time) : TimeProvider
    {
        private readonly DateTimeOffset _start = time.GetUtcNow();
        private readonly long _startedAt = time.GetTimestamp();

        public override long TimestampFrequency => time.TimestampFrequency;

        public override DateTimeOffset GetUtcNow() => _start + time.GetElapsedTime(_startedAt);

        public override long GetTimestamp() => time.GetTimestamp();
    }
}
