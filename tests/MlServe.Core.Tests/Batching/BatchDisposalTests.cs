using Microsoft.Extensions.Time.Testing;
using MlServe.Batching;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Batching;

public sealed class BatchDisposalTests
{
    [Fact]
    public async Task DisposeAsync_WorkWaits_AnswersItAndRefusesNewWork()
    {
        var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var accepted = Enumerable.Range(1, 30).Select(id => harness.Send(id)).ToList();
        var large = harness.SendRows([.. Enumerable.Range(100, 10).Select(static id => (long)id)]);

        var disposal = harness.Pipeline.DisposeAsync().AsTask();
        Assert.False(disposal.IsCompleted);
        Assert.Throws<ObjectDisposedException>(() => { _ = harness.Send(99); });
        Assert.Throws<ObjectDisposedException>(() => { _ = harness.Batcher.PredictAsync(Answers.Request(99)).AsTask(); });

        harness.Model.HoldsRuns = false;
        blocker.Finish();
        for (var i = 0; i < accepted.Count; i++)
            await Harness.Expect(accepted[i], i + 1);
        await Harness.Expect(large, [.. Enumerable.Range(100, 10).Select(static id => (long)id)]);
        await disposal;
        Assert.Equal(0, harness.Model.LanesOut);
        Assert.True(harness.Statistics.ClosedFor(CloseReason.Drain) + harness.Statistics.ClosedFor(CloseReason.Full) > 0);
        await harness.DisposeAsync();
    }

    [Fact]
    public async Task DisposeAsync_NothingWasEverSent_Ends()
    {
        await using var harness = new Harness();
        await harness.Pipeline.DisposeAsync();
        await harness.Pipeline.DisposeAsync();
        harness.Pipeline.Dispose();
    }

    /// <summary>
    /// Once the parts of a request were counted one by one: the first, answered before the second was counted, ended the batcher under the
    /// others.
    /// </summary>
    [Fact]
    public async Task Dispose_FirstPartOfARequestIsAnsweredBeforeTheNextIsPlaced_WaitsForAllParts()
    {
        Harness? harness = null;
        var clock = new InterruptingClock(() =>
        {
            harness!.Pipeline.Dispose();
            SpinWait.SpinUntil(() => harness.Batcher.Totals.Runs == 1 && harness.Batcher.AreRunnersIdle && !harness.Batcher.HasWork);
        });
        harness = new(holdsRuns: false, clock: clock);
        long[] ids = [.. Enumerable.Range(1, 10)];

        await Harness.Expect(harness.SendRows(ids, TimeSpan.FromSeconds(1)), ids);

        await harness.Batcher.DisposeAsync();
        Assert.Equal(0, harness.Model.LanesOut);
        await harness.DisposeAsync();
    }

    [Fact]
    public async Task DisposeAsync_OnlyCancelledWorkWaits_Ends()
    {
        var harness = new Harness();
        using var source = new CancellationTokenSource();
        var blocker = await harness.BlockAsync();
        var tasks = Enumerable.Range(0, 30).Select(id => harness.Send(id, cancellationToken: source.Token)).ToList();
        var disposal = harness.Pipeline.DisposeAsync().AsTask();
        await source.CancelAsync();
        foreach (var task in tasks)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);

        blocker.Finish();
        await disposal;
        await harness.DisposeAsync();
        Assert.Single(harness.Model.Runs);
    }

    [Fact]
    public async Task Dispose_WorkWaits_ReturnsAtOnceAndWorkIsAnswered()
    {
        var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var accepted = harness.Send(1);

        harness.Pipeline.Dispose();
        harness.Model.HoldsRuns = false;
        blocker.Finish();

        await Harness.Expect(accepted, 1);
        await harness.Batcher.DisposeAsync();
        await harness.DisposeAsync();
    }

    [Fact]
    public async Task DisposeAsync_GateIsTakenByAnotherModel_WaitsForIt()
    {
        var gate = new RunGate(1);
        var other = new Harness(gate: gate);
        var harness = new Harness(gate: gate);
        var run = await other.BlockAsync();
        var task = harness.Send(1);
        var disposal = harness.Pipeline.DisposeAsync().AsTask();
        Assert.False(disposal.IsCompleted);

        harness.Model.HoldsRuns = false;
        run.Finish();
        await Harness.Expect(task, 1);
        await disposal;
        await other.DisposeAsync();
        await harness.DisposeAsync();
    }

    [Fact]
    public async Task DisposeAsync_UnderLoadFromManyThreads_EveryCallEndsOnce()
    {
        for (var round = 0; round < 60; round++)
        {
            var harness = new Harness(options => options.RunMode = (RunMode)(round % 3), holdsRuns: false, lanes: 2);
            var stop = false;
            var callers = Enumerable.Range(0, 4).Select(caller => Task.Run(async () =>
            {
                for (var i = 0L; !Volatile.Read(ref stop); i++)
                {
                    var id = (caller * 1_000_000) + i;
                    try
                    {
                        await Harness.Expect(harness.Send(id), id);
                    }
                    catch (ObjectDisposedException)
                    {
                        return i;
                    }
                }

                return 0L;
            })).ToList();

            SpinWait.SpinUntil(() => harness.Statistics.Requests > 20 + (round % 7));
            await harness.Pipeline.DisposeAsync();
            Assert.Equal(0, harness.Model.LanesOut);
            stop = true;
            await Task.WhenAll(callers);
            await harness.DisposeAsync();
        }
    }

    /// <summary>
    /// Interrupts the caller that asks for its first timer: its request is placed, and no runner has been woken for it yet.
    /// </summary>
    private sealed class InterruptingClock(Action interrupt) : FakeTimeProvider
    {
        private int _timers;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (_timers++ == 0) interrupt();
            return base.CreateTimer(callback, state, dueTime, period);
        }
    }
}
