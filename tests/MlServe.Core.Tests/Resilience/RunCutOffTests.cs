using Microsoft.Extensions.Time.Testing;
using MlServe.Batching;
using MlServe.Guests;
using MlServe.Onnx;
using MlServe.Tests.Batching;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Resilience;

/// <summary>A run that takes longer than its caller's time is cut off on whichever thread it runs, and its lane is free again.</summary>
public sealed class RunCutOffTests
{
    private const int Length = 3000;
    private static readonly TimeSpan Time = TimeSpan.FromSeconds(2);

    private readonly FakeTimeProvider _clock = new();

    [Theory]
    [InlineData(null, false)]
    [InlineData(RunMode.Inline, false)]
    [InlineData(RunMode.Queued, false)]
    [InlineData(RunMode.Inline, true)]
    public async Task PredictAsync_RealRunLongerThanTheTimeout_StopsAndTheLaneWorksAgain(RunMode? mode, bool withToken)
    {
        var gate = new RunGate(1);
        await using var model = TinyModels.Chain(Length)
            .Load(new() { WarmUpRuns = 1, BatchDetection = BatchDetection.None }, new() { RunGate = gate, TimeProvider = _clock });
        var builder = new PredictorBuilder(model).UseTimeout(Time);
        if (mode is { } runMode) builder.UseBatching(options => options.RunMode = runMode);
        await using var predictor = builder.Build(new FakeServices(_clock, gate));
        var values = Enumerable.Range(0, 256).Select(static i => (float)i).ToArray();
        var inputs = PredictionInputs.Row(PredictionInput.Tensor(
            "x", Enumerable.Repeat(values, 16).SelectMany(static row => row).ToArray(), [16, 256]));
        using var source = new CancellationTokenSource();
        var token = withToken ? source.Token : default;
        var stopped = 0;
        for (var attempt = 0; attempt < 100 && stopped < 3; attempt++)
        {
            var running = Task.Run(async () => await predictor.PredictAsync(inputs, null, token), TestContext.Current.CancellationToken);
            await Eventually.BecomesTrue(() => gate.CurrentRuns == 1 || running.IsCompleted, "the request runs");
            await Eventually.BecomesTrue(
                () =>
                {
                    _clock.Advance(Time);
                    return running.IsCompleted;
                },
                "the request ends");

            // On a busy machine the run may be over before anybody looks.
            using var answer = await running;
            if (answer.IsOk) continue;
            Assert.Equal(PredictionStatus.DeadlineExceeded, answer.Status);
            stopped++;
        }

        Assert.Equal(3, stopped);
        using var prediction = await predictor.PredictAsync(inputs, cancellationToken: TestContext.Current.CancellationToken);
        var expected = Enumerable.Range(0, 256).Select(static i => (float)((i - Length % 256 + 256) % 256));
        Assert.Equal(expected, prediction.EnsureOk()["y"].ToArray<float>().Take(256));
        await Eventually.BecomesTrue(() => gate.CurrentRuns == 0, "the gate is empty");
    }

    [Fact]
    public async Task Inline_TimeIsOver_IsTheRunsFaultAndGivesItsPlaceBack()
    {
        await using var harness = Inline();
        var call = Task.Run(() => harness.Send(1, Time));
        var run = await harness.Model.NextRunAsync();
        harness.Clock.Advance(Time - TimeSpan.FromMilliseconds(1));
        Assert.False(call.IsCompleted);
        harness.Clock.Advance(TimeSpan.FromMilliseconds(1));

        var error = await Harness.Fault(call);
        Assert.Equal((PredictionStatus.DeadlineExceeded, PredictionErrorCode.RunTimedOut), (error.Status, error.Code));
        Assert.True(run.CancellationToken.IsCancellationRequested);
        Assert.Equal(0, harness.Gate.CurrentRuns);
        harness.Model.HoldsRuns = false;
        await Harness.Expect(harness.Send(2, Time), 2);
    }

    [Fact]
    public async Task Inline_TimeoutOfTheBatcher_HoldsToo()
    {
        await using var harness = Inline(static options => options.Timeout = Time);
        var call = Task.Run(() => harness.Send(1));
        await harness.Model.NextRunAsync();
        harness.Clock.Advance(Time);
        Assert.Equal(PredictionErrorCode.RunTimedOut, (await Harness.Fault(call)).Code);
    }

    [Fact]
    public async Task Inline_CallerCancelsBeforeItsTimeIsOver_IsACancellationOfTheCallers()
    {
        await using var harness = Inline();
        using var source = new CancellationTokenSource();
        var call = Task.Run(() => harness.Send(1, Time, cancellationToken: source.Token));
        await harness.Model.NextRunAsync();
        await source.CancelAsync();

        var thrown = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        Assert.Equal(source.Token, thrown.CancellationToken);
        harness.Model.HoldsRuns = false;
        await Harness.Expect(harness.Send(2, Time), 2);
    }

    [Fact]
    public async Task Inline_ManyOneAfterTheOther_TheTimeOfOneDoesNotEndAnother()
    {
        await using var harness = Inline();
        harness.Model.HoldsRuns = false;
        for (var i = 0; i < 50; i++)
        {
            harness.Model.OnRun = _ => harness.Clock.Advance(TimeSpan.FromSeconds(1.9));
            await Harness.Expect(harness.Send(i, Time), i);
        }
    }

    [Fact]
    public async Task Inline_ShorterTimeAfterALongOne_IsKept()
    {
        await using var harness = Inline();
        harness.Model.HoldsRuns = false;
        await Harness.Expect(harness.Send(1, TimeSpan.FromHours(1)), 1);
        await Harness.Expect(harness.Send(2, TimeSpan.MaxValue), 2);
        harness.Model.HoldsRuns = true;

        var call = Task.Run(() => harness.Send(3, Time));
        await harness.Model.NextRunAsync();
        harness.Clock.Advance(Time);
        Assert.Equal(PredictionErrorCode.RunTimedOut, (await Harness.Fault(call)).Code);
    }

    [Fact]
    public async Task Inline_AfterARest_TheTimerIsSetAgain()
    {
        await using var harness = Inline();
        harness.Model.HoldsRuns = false;
        await Harness.Expect(harness.Send(1, Time), 1);
        harness.Clock.Advance(TimeSpan.FromHours(1));
        harness.Model.HoldsRuns = true;

        var call = Task.Run(() => harness.Send(2, Time));
        await harness.Model.NextRunAsync();
        harness.Clock.Advance(Time);
        Assert.Equal(PredictionErrorCode.RunTimedOut, (await Harness.Fault(call)).Code);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PredictAsync_WhatIsNotBatched_IsCutOffToo(bool isCancelled)
    {
        await using var harness = new Harness();
        using var source = new CancellationTokenSource();
        harness.Model.OnDirect = static async token =>
        {
            await Task.Delay(Timeout.Infinite, token);
            return default;
        };
        var call = harness.SendRows([], Time, source.Token);
        if (isCancelled)
        {
            await source.CancelAsync();
            Assert.Equal(source.Token, (await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call)).CancellationToken);
            return;
        }

        harness.Clock.Advance(Time);
        Assert.Equal(PredictionErrorCode.TimedOut, (await Harness.Fault(call)).Code);
    }

    [Fact]
    public async Task Inline_ClockThatGivesNoTimer_IsAnsweredAllTheSameAndGivesThePlaceBack()
    {
        await using var harness = Inline(clock: new BrokenClock());
        harness.Model.HoldsRuns = false;
        var before = GuestFaults.Of(Guest.Clock);
        await Harness.Expect(harness.Send(1, Time), 1);
        Assert.InRange(GuestFaults.Of(Guest.Clock), before + 1, long.MaxValue);
        Assert.Equal(0, harness.Gate.CurrentRuns);
        await Harness.Expect(harness.Send(2), 2);
    }

    private static Harness Inline(Action<BatchingOptions>? configure = null, FakeTimeProvider? clock = null) => new(options =>
    {
        options.RunMode = RunMode.Inline;
        configure?.Invoke(options);
    }, clock: clock);

    private sealed class BrokenClock : FakeTimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            throw new InvalidOperationException("There is no timer.");
    }
}
