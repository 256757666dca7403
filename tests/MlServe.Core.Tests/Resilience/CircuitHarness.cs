using Microsoft.Extensions.Time.Testing;
using MlServe.Fakes;
using MlServe.Resilience;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Resilience;

/// <summary>A circuit breaker around a predictor that answers as the test says, with a clock that the test moves.</summary>
internal sealed class CircuitHarness : IDisposable
{
    private readonly IPredictor _pipeline;

    public CircuitHarness(
        Action<CircuitBreakerOptions>? configure = null, Func<PredictionInputs, CancellationToken, ValueTask<Prediction>>? answer = null,
        params object[] services)
    {
        Next = static () => Answers.Of(1);
        var inner = new FakePredictor(answer ?? ((_, _) => new(Next()))) { Service = new ModelIdentity("digits", "7") };
        Inner = inner;
        _pipeline = new PredictorBuilder(inner).UseCircuitBreaker(options =>
        {
            options.Jitter = static () => 0.5;
            configure?.Invoke(options);
        }).Build(new FakeServices([Clock, Logs, Meters, .. services]));
        Breaker = _pipeline.GetService<ICircuitBreaker>()!;
        Breaker.StateChanged += (_, change) => Changes.Add(change.To);
    }

    public static PredictionError Broken { get; } = new(PredictionStatus.Failed, PredictionErrorCode.RuntimeFailed, "It is broken.");

    public FakePredictor Inner { get; }

    public FakeTimeProvider Clock { get; } = new();

    public LogList Logs { get; } = new();

    public FakeMeterFactory Meters { get; } = new();

    public ICircuitBreaker Breaker { get; }

    public List<CircuitState> Changes { get; } = [];

    public Func<Prediction> Next { get; set; }

    public IPredictor Pipeline => _pipeline;

    /// <summary>Puts somebody beside it who answers while the circuit is open; requests still go to the circuit itself.</summary>
    public void AddFallback(Action<FallbackBuilder>? configure = null) =>
        new PredictorBuilder(_pipeline).UseFallback(configure ?? (static chain => chain.ThenValue("id", 0L))).Build();

    public Task<Prediction> AskAsync() =>
        _pipeline.PredictAsync(Answers.Request(1), cancellationToken: TestContext.Current.CancellationToken).AsTask();

    public async Task<PredictionStatus> StatusAsync()
    {
        using var answer = await AskAsync();
        return answer.Status;
    }

    public async Task SendAsync(int count, Func<Prediction> answer)
    {
        Next = answer;
        for (var i = 0; i < count; i++)
            (await AskAsync()).Dispose();
    }

    public Task SucceedAsync(int count) => SendAsync(count, static () => Answers.Of(1));

    public Task FailAsync(int count) => SendAsync(count, static () => Prediction.FromError(Broken));

    /// <summary>Fails until the circuit is open.</summary>
    public async Task BreakAsync()
    {
        await FailAsync(20);
        Assert.Equal(CircuitState.Open, Breaker.State);
    }

    public void Dispose()
    {
        _pipeline.Dispose();
        Meters.Dispose();
    }
}
