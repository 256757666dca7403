using MlServe.Batching;

namespace MlServe.Tests.Batching;

public sealed class QueueDelayTests
{
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(20);

    [Fact]
    public async Task MaxQueueDelay_BatchIsNotFull_WaitsExactlyThatLong()
    {
        await using var harness = Holding();
        var task = harness.Send(1);
        harness.WaitUntilHeld();

        harness.Clock.Advance(Delay - TimeSpan.FromMilliseconds(1));
        harness.WaitUntilHeld();
        Assert.Empty(harness.Model.Runs);
        harness.Clock.Advance(TimeSpan.FromMilliseconds(1));

        await Harness.Expect(task, 1);
        Assert.Equal(1, harness.Statistics.ClosedFor(CloseReason.Delay));
    }

    [Fact]
    public async Task MaxQueueDelay_BatchBecomesFull_RunsAtOnce()
    {
        await using var harness = Holding();
        var tasks = Enumerable.Range(1, 4).Select(id => harness.Send(id)).ToList();

        for (var i = 0; i < 4; i++)
            await Harness.Expect(tasks[i], i + 1);
        Assert.Equal(1, harness.Statistics.ClosedFor(CloseReason.Full));
        Assert.Equal([1, 2, 3, 4], Assert.Single(harness.Model.Runs));
    }

    [Fact]
    public async Task MaxQueueDelay_RequestOverflows_RunsTheFirstAndHoldsTheSecondFromItsOwnBeginning()
    {
        await using var harness = Holding();
        var first = harness.SendRows([1, 2, 3]);
        harness.WaitUntilHeld();
        harness.Clock.Advance(Delay / 2);
        var second = harness.SendRows([4, 5, 6]);

        await Harness.Expect(first, 1, 2, 3);
        harness.WaitUntilHeld();
        harness.Clock.Advance(Delay / 2);
        harness.WaitUntilHeld();
        Assert.False(second.IsCompleted);
        harness.Clock.Advance(Delay / 2);

        await Harness.Expect(second, 4, 5, 6);
    }

    [Fact]
    public async Task MaxQueueDelay_RequestCannotWaitThatLong_GoesInTimeForItsDeadline()
    {
        await using var harness = Holding();
        var hasty = harness.Send(1, Delay / 4);
        var patient = harness.Send(2);
        harness.WaitUntilHeld();

        harness.Clock.Advance((Delay / 4) - TimeSpan.FromMilliseconds(1));

        await Harness.Expect(patient, 2);
        await Harness.Expect(hasty, 1);
        Assert.Equal(1, harness.Statistics.ClosedFor(CloseReason.Deadline));
    }

    [Fact]
    public async Task MaxQueueDelay_CostIsKnown_GoesEarlyEnoughForTheRun()
    {
        await using var harness = Holding();
        harness.Model.OnRun = _ => harness.Clock.Advance(TimeSpan.FromMilliseconds(4));
        for (var i = 0; i < 3; i++)
        {
            var warm = Enumerable.Range(1, 4).Select(id => harness.Send(id)).ToList();
            foreach (var task in warm)
                (await task).Dispose();
            harness.Settle();
        }

        var hasty = harness.Send(1, TimeSpan.FromMilliseconds(15));
        harness.WaitUntilHeld();
        harness.Clock.Advance(TimeSpan.FromMilliseconds(5));
        harness.WaitUntilHeld();
        harness.Clock.Advance(TimeSpan.FromMilliseconds(1));

        await Harness.Expect(hasty, 1);
        Assert.Equal(1, harness.Statistics.ClosedFor(CloseReason.Deadline));
    }

    [Fact]
    public async Task MaxQueueDelay_Disposal_RunsWhatIsHeldBack()
    {
        var harness = Holding();
        var task = harness.Send(1);
        harness.WaitUntilHeld();

        await harness.DisposeAsync();

        await Harness.Expect(task, 1);
        Assert.Equal(1, harness.Statistics.ClosedFor(CloseReason.Drain));
    }

    [Fact]
    public async Task MaxQueueDelay_SeveralQueues_EachHasItsOwnTime()
    {
        await using var harness = Holding();
        var first = harness.SendWide(1, 1);
        harness.WaitUntilHeld();
        harness.Clock.Advance(Delay / 2);
        var second = harness.SendWide(2, 2);
        harness.WaitUntilHeld();

        harness.Clock.Advance(Delay / 2);
        await Harness.Expect(first, 1);
        harness.WaitUntilHeld();
        Assert.False(second.IsCompleted);
        harness.Clock.Advance(Delay / 2);

        await Harness.Expect(second, 2);
    }

    private static Harness Holding() => new(static options => options.MaxQueueDelay = Delay, holdsRuns: false);
}
