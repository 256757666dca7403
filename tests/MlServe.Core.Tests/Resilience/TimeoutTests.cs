using Microsoft.Extensions.Time.Testing;
using MlServe.Resilience;
using MlServe.Tests.Batching;
using MlServe.Tests.Fakes;
using Polly;
using Polly.Retry;

namespace MlServe.Tests.Resilience;

public sealed class TimeoutTests
{
    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public async Task PredictAsync_TooLate_IsCancelledAndDeadlineExceeded()
    {
        using var pipeline = Build(Hanging(), TimeSpan.FromSeconds(2));
        var task = pipeline.PredictAsync(Answers.Request(1), null, TestContext.Current.CancellationToken).AsTask();
        _clock.Advance(TimeSpan.FromSeconds(1.9));
        Assert.False(task.IsCompleted);
        _clock.Advance(TimeSpan.FromSeconds(0.1));
        using var answer = await task;
        Assert.Equal(PredictionErrorCode.TimedOut, answer.Error.Code);
        Assert.Equal(PredictionStatus.DeadlineExceeded, answer.Status);
    }

    [Fact]
    public async Task PredictAsync_OfTheCall_GoesBeforeTheLayers()
    {
        using var pipeline = Build(Hanging(), TimeSpan.FromSeconds(2));
        var task = pipeline.PredictAsync(
            Answers.Request(1), new() { Timeout = TimeSpan.FromSeconds(1) }, TestContext.Current.CancellationToken).AsTask();
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(PredictionStatus.DeadlineExceeded, (await task).Status);
    }

    [Fact]
    public async Task PredictAsync_CallerCancels_IsACancellationOfTheCallers()
    {
        using var source = new CancellationTokenSource();
        using var pipeline = Build(Hanging(), TimeSpan.FromSeconds(2));
        var task = pipeline.PredictAsync(Answers.Request(1), null, source.Token).AsTask();
        await source.CancelAsync();
        var thrown = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
        Assert.Equal(source.Token, thrown.CancellationToken);
    }

    [Fact]
    public async Task PredictAsync_ManyOneAfterTheOther_TheTimerOfOneDoesNotEndAnother()
    {
        var inner = new PendingPredictor();
        using var pipeline = Build(inner, TimeSpan.FromSeconds(2));
        for (var i = 0; i < 50; i++)
        {
            var task = pipeline.PredictAsync(Answers.Request(i), null, TestContext.Current.CancellationToken).AsTask();
            _clock.Advance(TimeSpan.FromSeconds(1.9));
            inner.Answer();
            Assert.Equal(i, Answers.Read(await task));
        }
    }

    [Theory]
    [InlineData(null, 30)]
    [InlineData(0.5, 5)]
    public async Task UseTimeout_NotSaid_IsTenTimesTheServiceLevelOrHalfAMinute(double? p99, double seconds)
    {
        var level = new ServiceLevel { P99 = p99 is { } value ? TimeSpan.FromSeconds(value) : null };
        using var pipeline = new PredictorBuilder(Hanging()).UseTimeout().Build(new FakeServices(_clock, level));
        var task = pipeline.PredictAsync(Answers.Request(1), null, TestContext.Current.CancellationToken).AsTask();
        _clock.Advance(TimeSpan.FromSeconds(seconds - 0.01));
        Assert.False(task.IsCompleted);
        _clock.Advance(TimeSpan.FromSeconds(0.01));
        Assert.Equal(PredictionStatus.DeadlineExceeded, (await task).Status);
    }

    [Fact]
    public async Task Batch_NobodyWaitsAnyMore_IsCutOffAndFreesItsLane()
    {
        await using var harness = new Harness();
        var first = harness.Send(1, TimeSpan.FromSeconds(1));
        var run = await harness.Model.NextRunAsync();
        harness.Clock.Advance(TimeSpan.FromSeconds(1));
        var error = await Harness.Fault(first);

        Assert.Equal(PredictionErrorCode.RunTimedOut, error.Code);
        Assert.True(run.CancellationToken.IsCancellationRequested);
        var second = harness.Send(2);
        (await harness.Model.NextRunAsync()).Finish();
        await Harness.Expect(second, 2);
    }

    [Fact]
    public async Task Batch_TimeWentByInTheQueue_IsNotTheRunsFault()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var late = harness.Send(1, TimeSpan.FromSeconds(1));
        harness.Clock.Advance(TimeSpan.FromSeconds(0.9));
        blocker.Finish();
        var run = await harness.Model.NextRunAsync();
        harness.Clock.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(PredictionErrorCode.TimedOut, (await Harness.Fault(late)).Code);
        Assert.True(run.CancellationToken.IsCancellationRequested);
    }

    [Fact]
    public async Task Batch_CulpritAmongInnocents_DoesNotCountForTheCircuit()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var culprit = harness.Send(-1);
        var innocent = harness.Send(2);
        harness.Model.HoldsRuns = false;
        blocker.Finish();
        await Harness.Expect(innocent, 2);
        Assert.True((await Harness.Fault(culprit)).IsIsolated);
    }

    [Fact]
    public async Task Batch_AllFail_IsTheModelsFault()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        Task<Prediction>[] all = [harness.Send(-1), harness.Send(-2)];
        harness.Model.HoldsRuns = false;
        blocker.Finish();
        foreach (var task in all)
            Assert.False((await Harness.Fault(task)).IsIsolated);
    }

    [Fact]
    public async Task UseResiliencePipeline_Retries_DisposesNothingThatIsGivenAndAllElse()
    {
        var calls = 0;
        List<Prediction> made = [];
        var inner = new FakePredictor((_, _) =>
        {
            var answer = Answers.Of(++calls);
            made.Add(answer);
            return new(answer);
        });
        var retry = new ResiliencePipelineBuilder<Prediction>()
            .AddRetry(new RetryStrategyOptions<Prediction>
            {
                ShouldHandle = static arguments => new(arguments.Outcome.Result is { IsOk: true } answer
                    && answer[0].AsSpan<long>()[0] < 3),
                Delay = TimeSpan.Zero,
            })
            .Build();
        using var pipeline = new PredictorBuilder(inner).UseResiliencePipeline(retry).Build();

        using var given = await pipeline.PredictAsync(Answers.Request(1), null, TestContext.Current.CancellationToken);

        Assert.Equal(3, given[0].ToScalar<long>());
        Assert.Throws<ObjectDisposedException>(() => made[0].Count);
        Assert.Throws<ObjectDisposedException>(() => made[1].Count);
    }

    [Fact]
    public async Task UseResiliencePipeline_PollysRefusals_AreStatuses()
    {
        var timeout = new ResiliencePipelineBuilder<Prediction> { TimeProvider = _clock }.AddTimeout(TimeSpan.FromSeconds(1)).Build();
        using var pipeline = new PredictorBuilder(Hanging()).UseResiliencePipeline(timeout).Build();
        var task = pipeline.PredictAsync(Answers.Request(1), null, TestContext.Current.CancellationToken).AsTask();
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(PredictionStatus.DeadlineExceeded, (await task).Status);

        var control = new Polly.CircuitBreaker.CircuitBreakerManualControl(isIsolated: true);
        var breaker = new ResiliencePipelineBuilder<Prediction>().AddCircuitBreaker(new() { ManualControl = control }).Build();
        using var isolated = new PredictorBuilder(new FakePredictor()).UseResiliencePipeline(breaker).Build();
        using var refused = await isolated.PredictAsync(Answers.Request(1), null, TestContext.Current.CancellationToken);
        Assert.Equal(PredictionErrorCode.CircuitIsolated, refused.Error.Code);
    }

    [Theory]
    [InlineData(1, 0, false, PredictionErrorCode.FaultInjected)]
    [InlineData(0, 1, false, PredictionErrorCode.OutputInvalid)]
    [InlineData(1, 1, true, null)]
    public async Task UseChaos_ByRate_InjectsWhereEnabled(double failures, double invalid, bool isOff, PredictionErrorCode? expected)
    {
        using var model = MlServe.Onnx.TinyModels.Affine().Load();
        using var pipeline = new PredictorBuilder(model).UseCircuitBreaker()
            .UseChaos(chaos => (chaos.Enabled, chaos.FailureRate, chaos.InvalidOutputRate) = (!isOff, failures, invalid)).Build();
        using var answer = await pipeline.PredictAsync(PredictionInputs.Row(new float[4]), null, TestContext.Current.CancellationToken);
        Assert.Equal(expected, answer.IsOk ? null : answer.Error.Code);
    }

    private static FakePredictor Hanging() => new(static async (_, token) =>
    {
        await Task.Delay(Timeout.Infinite, token);
        return default;
    });

    private IPredictor Build(IPredictor inner, TimeSpan timeout) =>
        new PredictorBuilder(inner).UseTimeout(timeout).Build(new FakeServices(_clock));
}
