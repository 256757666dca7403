using Microsoft.Extensions.Time.Testing;
using MlServe.Batching;
using MlServe.Resilience;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Batching;

/// <summary>
/// Batcher, admission, hold and circuit breaker read one model's run times; none of them may take for a fault what another has made of
/// them. The clock moves by what a run costs: 0.05 ms for one row, 1.4 ms for 64.
/// </summary>
public sealed class BatchServiceLevelTests : IAsyncDisposable
{
    private static readonly TimeSpan Promised = TimeSpan.FromMilliseconds(1);

    private readonly FakeTimeProvider _clock = new();
    private FakeModel? _model;
    private IPredictor? _pipeline;
    private double _factor = 1;
    private double _fixed = 0.0286;
    private double _perRow = 0.0214;

    private int Limit => _pipeline!.GetService<BatchStatistics>()!.Costs[0].Limit;

    private CircuitState Circuit => _pipeline!.GetService<ICircuitBreaker>()!.State;

    public async ValueTask DisposeAsync()
    {
        if (_pipeline is not null) await _pipeline.DisposeAsync();
    }

    [Theory]
    [InlineData(false, 64)]
    [InlineData(true, 22)]
    public void UseBatching_ServiceLevel_TwoRunsOfTheLargestBatchFit(bool isPromised, int limit)
    {
        Build(isPromised ? new() { P99 = Promised } : null);
        Assert.Equal(limit, Limit);
    }

    [Fact]
    public void UseBatching_OneRowIsLateAlready_BatchesStayWhereRowsAddLittle()
    {
        (_fixed, _perRow) = (0.6, 0.001);
        Build(new() { P99 = Promised });
        Assert.Equal(64, Limit);
    }

    [Fact]
    public void UseBatching_OneRowIsLateAndEachCostsAsMuch_RowsRunApart()
    {
        (_fixed, _perRow) = (0, 2);
        Build(new() { P99 = Promised });
        Assert.Equal(1, Limit);
    }

    [Theory]
    [InlineData("nobody")]
    [InlineData("an earlier answer")]
    [InlineData("another")]
    public async Task PredictAsync_CrowdOfAHealthyModel_NobodyIsRefused(string fallback)
    {
        Build(new() { P99 = Promised }, Around(fallback));
        Assert.Equal(2000, await CrowdAsync(2000));
        Assert.Equal(CircuitState.Closed, Circuit);
        Assert.All(_model!.Runs, static rows => Assert.InRange(rows.Length, 1, 22));
        Assert.True(_model.Runs.Average(static rows => rows.Length) > 2, "Nothing was batched: the crowd shows nothing.");
    }

    [Fact]
    public async Task PredictAsync_ThresholdIsStatedAndBatchesAreLarge_WhatRowsCostIsNoSlowness()
    {
        Build(null, static builder => builder.UseCircuitBreaker(static breaker => breaker.SlowRunThreshold = Promised));
        Assert.Equal(64, Limit);
        Assert.Equal(2000, await CrowdAsync(2000));
        Assert.Contains(_model!.Runs, static rows => rows.Length == 64);
        Assert.Equal(CircuitState.Closed, Circuit);
    }

    [Theory]
    [InlineData("nobody", false)]
    [InlineData("an earlier answer", false)]
    [InlineData("another", true)]
    public async Task PredictAsync_ModelBecomesSlow_ShedsLoadOnlyWhereSomebodyElseAnswers(string fallback, bool isShed)
    {
        Build(new() { P99 = Promised }, Around(fallback));
        await CrowdAsync(500);
        Assert.Equal(CircuitState.Closed, Circuit);
        _factor = 60;
        var model = await CrowdAsync(3000);
        Assert.Equal(isShed, model < 3000);
        Assert.Equal(isShed ? CircuitState.Open : CircuitState.Closed, Circuit);
    }

    [Fact]
    public async Task PredictAsync_RequestOfManyRowsOnTheDirectPath_IsNotSlowForItsRows()
    {
        var clock = _clock;
        await using var pipeline = new PredictorBuilder(new FakePredictor((inputs, _) =>
        {
            var rows = inputs.RowCount ?? 1;
            clock.Advance(TimeSpan.FromMilliseconds(0.1 * rows));
            return new(Answers.Of(1, new() { BatchRows = rows }));
        })).UseFallback(static chain => chain.ThenValue("id", 0L))
            .UseCircuitBreaker()
            .Build(new FakeServices(clock, new ServiceLevel { P99 = Promised }));
        for (var i = 0; i < 40; i++)
            (await pipeline.PredictAsync(PredictionInputs.Rows(new long[100], 100), null, TestContext.Current.CancellationToken)).Dispose();
        Assert.Equal(CircuitState.Closed, pipeline.GetService<ICircuitBreaker>()!.State);
    }

    [Fact]
    public async Task PredictAsync_ModelSlowsDown_BatchesBecomeSmallerAndLaterLargerAgain()
    {
        Build(new() { P99 = TimeSpan.FromMilliseconds(2) });
        Assert.Equal(45, Limit);
        _factor = 2;
        await CrowdUntilAsync(18, 26);
        _factor = 1;
        await CrowdUntilAsync(40, 45);
    }

    /// <summary>How many runs a crowd makes is the thread pool's, and larger sizes are tried only now and then.</summary>
    private async Task CrowdUntilAsync(int least, int most)
    {
        for (var crowd = 0; crowd < 20 && (crowd == 0 || Limit < least || Limit > most); crowd++)
            await CrowdAsync(3000);
        Assert.InRange(Limit, least, most);
    }

    [Fact]
    public async Task MaxQueueDelay_LongerThanThePromise_IsCutToWhatFits()
    {
        _perRow = 0.1;
        _fixed = 0.9;
        Build(new() { P99 = TimeSpan.FromMilliseconds(10) }, configure: static options => options.MaxQueueDelay = TimeSpan.FromSeconds(1));
        var batcher = _pipeline!.GetService<BatchingPredictor>()!;
        var task = SendAsync(7);
        SpinWait.SpinUntil(() => batcher.IsHolding);

        // 10 ms less two runs of 1 ms each and what a timer may be late.
        _clock.Advance(TimeSpan.FromMilliseconds(6));
        SpinWait.SpinUntil(() => batcher.IsHolding);
        Assert.False(task.IsCompleted);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        await Eventually.BecomesTrue(() => task.IsCompleted, "the batch goes");
        (await task).EnsureOk().Dispose();
    }

    [Fact]
    public async Task PredictAsync_BulkFillsTheQueue_NormalRequestsHaveTheirRoomAndTheirWait()
    {
        await using var harness = new Harness(static options => options.MaxQueuedRows = 100);
        harness.Model.OnRun = _ => harness.Clock.Advance(TimeSpan.FromMilliseconds(10));
        harness.Model.LetRunsGo();
        for (var i = 0; i < 5; i++)
            (await harness.Send(i)).Dispose();
        harness.Model.HoldsRuns = true;
        var blocker = await harness.BlockAsync();
        var bulk = Enumerable.Range(0, 100).Select(i => harness.Send(i, priority: RequestPriority.Bulk)).ToList();
        Assert.Equal(PredictionErrorCode.QueueFull, (await Harness.Fault(harness.Send(5, priority: RequestPriority.Bulk))).Code);

        // A hundred rows in bulk would take 250 ms; the normal request waits for none of them.
        var normal = harness.Send(42, TimeSpan.FromMilliseconds(100));
        Assert.False(normal.IsCompleted);
        harness.Model.LetRunsGo();
        blocker.Finish();
        await Harness.Expect(normal, 42);
        foreach (var task in bulk)
            (await task).EnsureOk().Dispose();
    }

    [Theory]
    [InlineData(2, false)]
    [InlineData(30, true)]
    public async Task PredictAsync_CallerGivesLessTimeThanARunTakes_TheModelIsNotToBlame(int milliseconds, bool isModelToBlame)
    {
        await using var harness = new Harness();
        harness.Model.OnRun = _ => harness.Clock.Advance(TimeSpan.FromMilliseconds(harness.Model.HoldsRuns ? 0 : 10));
        harness.Model.HoldsRuns = false;
        for (var i = 0; i < 5; i++)
            (await harness.Send(i)).Dispose();
        harness.Model.HoldsRuns = true;
        var hasty = harness.Send(1, TimeSpan.FromMilliseconds(milliseconds));
        var run = await harness.Model.NextRunAsync();
        harness.Clock.Advance(TimeSpan.FromMilliseconds(milliseconds));
        Assert.Equal(isModelToBlame ? PredictionErrorCode.RunTimedOut : PredictionErrorCode.TimedOut, (await Harness.Fault(hasty)).Code);
        run.Finish();
    }

    private static Action<PredictorBuilder> Around(string fallback) => builder =>
    {
        if (fallback == "an earlier answer") builder.UseFallback(static chain => chain.ThenStaleAnswer());
        if (fallback == "another") builder.UseFallback(static chain => chain.ThenValue("id", -7L).ThenValue("negated", 7L));
        if (fallback == "an earlier answer") builder.UseCache(static cache => cache.SwitchOffWhenUseless = false);
        builder.UseTimeout(TimeSpan.FromMinutes(1)).UseCircuitBreaker();
    };

    private void Build(ServiceLevel? level, Action<PredictorBuilder>? around = null, Action<BatchingOptions>? configure = null)
    {
        _model = new()
        {
            SampleRequest = PredictionInputs.Row([7L]),
            OnRun = rows => _clock.Advance(TimeSpan.FromMilliseconds(_factor * (_fixed + (_perRow * rows.Length)))),
        };
        var builder = new PredictorBuilder(_model);
        around?.Invoke(builder);
        object[] services = level is null ? [new RunGate(1), _clock] : [new RunGate(1), _clock, level];
        _pipeline = builder.UseBatching(options =>
        {
            (options.RunMode, options.Lanes, options.Readiness) = (RunMode.Queued, 1, BatchReadiness.WhenCalibrated);
            configure?.Invoke(options);
        }).Build(new FakeServices(services));
        _model.Runs.Clear();
    }

    private Task<Prediction> SendAsync(long id) =>
        _pipeline!.PredictAsync(PredictionInputs.Row([id]), null, TestContext.Current.CancellationToken).AsTask();

    /// <summary>512 callers until so many requests have been made; how many of them the model answered.</summary>
    private async Task<int> CrowdAsync(int requests)
    {
        var (next, answered) = (0, 0);
        await Task.WhenAll(Enumerable.Range(0, 512).Select(async _ =>
        {
            await Task.Yield();
            for (var id = Interlocked.Increment(ref next); id <= requests; id = Interlocked.Increment(ref next))
            {
                // Never the same twice: what is cached is not run.
                using var answer = await SendAsync(Interlocked.Increment(ref _id));
                if (answer.IsOk && answer.Origin.Source == PredictionSource.Model) Interlocked.Increment(ref answered);
            }
        }));
        return answered;
    }

    private long _id;
}
