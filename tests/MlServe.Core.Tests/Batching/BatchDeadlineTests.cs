using MlServe.Batching;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Batching;

public sealed class BatchDeadlineTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMilliseconds(100);

    [Fact]
    public async Task PredictAsync_ExpiredInTheOpenBatch_IsAnsweredAtTheMomentOfExpiry()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var hasty = harness.Send(1, Long);
        var patient = harness.Send(2);

        harness.Clock.Advance(Long - TimeSpan.FromTicks(1));
        Assert.False(hasty.IsCompleted);
        harness.Clock.Advance(TimeSpan.FromMilliseconds(1));

        var error = await Harness.Fault(hasty);
        Assert.Equal(PredictionStatus.DeadlineExceeded, error.Status);
        Assert.Equal(PredictionErrorCode.TimedOut, error.Code);
        harness.Model.HoldsRuns = false;
        blocker.Finish();
        await Harness.Expect(patient, 2);
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_ExpiredInLine_IsAnsweredAtTheMomentOfExpiryAndNeverRun()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var batched = Enumerable.Range(0, 8).Select(id => harness.Send(id)).ToList();
        var hasty = harness.Send(50, Long);

        harness.Clock.Advance(Long);

        Assert.Equal(PredictionStatus.DeadlineExceeded, (await Harness.Fault(hasty)).Status);
        Assert.Equal(8, harness.Batcher.QueuedRows);
        harness.Model.HoldsRuns = false;
        blocker.Finish();
        foreach (var task in batched)
            (await task).Dispose();
        harness.Settle();
        Assert.DoesNotContain(harness.Model.Runs, static rows => rows.Contains(50));
    }

    [Fact]
    public async Task PredictAsync_ExpiredWhileItRuns_IsAnsweredAtTheMomentOfExpiry()
    {
        await using var harness = new Harness();
        var task = harness.Send(1, Long);
        var run = await harness.Model.NextRunAsync();

        harness.Clock.Advance(Long);

        Assert.Equal(PredictionStatus.DeadlineExceeded, (await Harness.Fault(task)).Status);
        run.Finish();
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_PredictedWaitOverTheDeadline_IsRefusedAtTheDoorWithRetryAfter()
    {
        await using var harness = new Harness();
        await LearnAsync(harness, TimeSpan.FromMilliseconds(40));
        var blocker = await harness.BlockAsync();
        var waiting = Enumerable.Range(0, 8).Select(id => harness.Send(id)).ToList();

        var refused = harness.Send(50, TimeSpan.FromMilliseconds(60));
        Assert.True(refused.IsCompleted);
        var error = await Harness.Fault(refused);
        var accepted = harness.Send(51, TimeSpan.FromSeconds(10));

        Assert.Equal(PredictionStatus.Overloaded, error.Status);
        Assert.Equal(PredictionErrorCode.WaitTooLong, error.Code);
        Assert.InRange(error.RetryAfter!.Value, TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(200));
        harness.Model.HoldsRuns = false;
        blocker.Finish();
        foreach (var task in waiting)
            (await task).Dispose();
        await Harness.Expect(accepted, 51);
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_TimeoutOfTheOptions_HoldsWhereTheCallDoesNotSay()
    {
        await using var harness = new Harness(options => options.Timeout = Long);
        var blocker = await harness.BlockAsync();
        var ofOptions = harness.Send(1);
        var ownShorter = harness.Send(2, TimeSpan.FromMilliseconds(10));
        var ownLonger = harness.Send(3, TimeSpan.FromSeconds(10));

        harness.Clock.Advance(TimeSpan.FromMilliseconds(10));
        Assert.Equal(PredictionStatus.DeadlineExceeded, (await Harness.Fault(ownShorter)).Status);
        Assert.False(ofOptions.IsCompleted);
        harness.Clock.Advance(Long);
        Assert.Equal(PredictionStatus.DeadlineExceeded, (await Harness.Fault(ofOptions)).Status);
        Assert.False(ownLonger.IsCompleted);
        harness.Model.HoldsRuns = false;
        blocker.Finish();
        await Harness.Expect(ownLonger, 3);
    }

    [Fact]
    public async Task PredictAsync_ClockJumpsByDays_ExpiresWhatHasADeadlineAndNothingElse()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var hasty = harness.Send(1, Long);
        var patient = harness.Send(2);
        var endless = harness.Send(3, TimeSpan.MaxValue);

        harness.Clock.Advance(TimeSpan.FromDays(30));

        Assert.Equal(PredictionStatus.DeadlineExceeded, (await Harness.Fault(hasty)).Status);
        harness.Model.HoldsRuns = false;
        blocker.Finish();
        await Harness.Expect(patient, 2);
        await Harness.Expect(endless, 3);
        harness.Settle();
        await Harness.Expect(harness.Send(4, Long), 4);
    }

    [Fact]
    public async Task PredictAsync_TimerThatFiresEarly_IsSetAgain()
    {
        // The system's timers cut off fractions of a millisecond and tick coarsely: a deadline must not be forgotten because its timer came
        // too soon.
        var clock = new EarlyClock();
        var model = new FakeModel { HoldsRuns = true };
        await using var predictor = new PredictorBuilder(model).UseBatching(static options => options.Lanes = 1)
            .Build(new Fakes.FakeServices(clock, new RunGate(1)));
        var blocker = predictor.PredictAsync(Fakes.Answers.Request(0)).AsTask();
        var run = await model.NextRunAsync();
        var task = predictor.PredictAsync(Fakes.Answers.Request(1), new() { Timeout = TimeSpan.FromMilliseconds(10) }).AsTask();

        clock.FireAll();
        Assert.False(task.IsCompleted);
        clock.Timestamp = TimeSpan.FromMilliseconds(10).Ticks;
        clock.FireAll();

        Assert.Equal(PredictionStatus.DeadlineExceeded, (await Harness.Fault(task)).Status);
        model.HoldsRuns = false;
        run.Finish();
        (await blocker).Dispose();
    }

    [Fact]
    public async Task PredictAsync_TimerOfTheRequestBefore_DoesNotEndTheNextOne()
    {
        // The objects are pooled: a timer callback that was under way when its request was answered meets another one.
        var clock = new EarlyClock();
        var model = new FakeModel { HoldsRuns = false };
        await using var predictor = new PredictorBuilder(model).UseBatching(static options => options.Lanes = 1)
            .Build(new Fakes.FakeServices(clock, new RunGate(1)));
        for (var i = 0; i < 200; i++)
        {
            var timed = predictor.PredictAsync(Fakes.Answers.Request(i), new() { Timeout = TimeSpan.FromMilliseconds(10) });
            Assert.Equal(i, Fakes.Answers.Read(await timed));
            clock.Timestamp += TimeSpan.FromSeconds(1).Ticks;
            var next = predictor.PredictAsync(Fakes.Answers.Request(i), new() { Timeout = TimeSpan.FromMilliseconds(10) });
            clock.FireAll();
            Assert.Equal(i, Fakes.Answers.Read(await next));
        }
    }

    [Fact]
    public async Task PredictAsync_TimerOfAPooledRequest_DoesNotKeepTheContextOfTheCaller()
    {
        var clock = new EarlyClock();
        await using var predictor = new PredictorBuilder(new FakeModel()).UseBatching()
            .Build(new Fakes.FakeServices(clock, new RunGate(1)));

        (await predictor.PredictAsync(Fakes.Answers.Request(1), new() { Timeout = TimeSpan.FromSeconds(1) })).Dispose();

        Assert.True(clock.Timers > 0);
        Assert.False(clock.HasKeptContext);
        Assert.False(ExecutionContext.IsFlowSuppressed());
    }

    /// <summary>Shows the batcher runs of one row and of four that took as long.</summary>
    private static async Task LearnAsync(Harness harness, TimeSpan runTime)
    {
        for (var i = 0; i < 3; i++)
        {
            var blocked = await harness.BlockAsync();
            var tasks = Enumerable.Range(0, 4).Select(id => harness.Send(id)).ToList();
            harness.Clock.Advance(runTime);
            blocked.Finish();
            var run = await harness.Model.NextRunAsync();
            harness.Clock.Advance(runTime);
            run.Finish();
            foreach (var task in tasks)
                (await task).Dispose();
            harness.Settle();
        }
    }
}
