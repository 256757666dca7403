using MlServe.Batching;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Batching;

public sealed class BatchCancellationTests
{
    [Fact]
    public async Task PredictAsync_TokenAlreadyCancelled_EntersNothing()
    {
        await using var harness = new Harness();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => harness.Send(1, cancellationToken: new(canceled: true)));

        harness.Settle();
        Assert.Empty(harness.Model.Runs);
    }

    [Fact]
    public async Task PredictAsync_CancelledInTheOpenBatch_EndsAtOnceAndDisturbsNobody()
    {
        await using var harness = new Harness();
        using var source = new CancellationTokenSource();
        var blocker = await harness.BlockAsync();
        var before = harness.Send(1);
        var cancelled = harness.Send(2, cancellationToken: source.Token);
        var after = harness.Send(3);

        await source.CancelAsync();
        var exception = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Assert.Equal(source.Token, exception.CancellationToken);

        harness.Model.HoldsRuns = false;
        blocker.Finish();
        await Harness.Expect(before, 1);
        await Harness.Expect(after, 3);
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_CancelledInLine_IsSkippedAndItsRowsNoLongerCount()
    {
        await using var harness = new Harness(options => options.MaxQueuedRows = 40);
        using var source = new CancellationTokenSource();
        var blocker = await harness.BlockAsync();
        var batched = Enumerable.Range(0, 8).Select(id => harness.Send(id)).ToList();
        var inLine = Enumerable.Range(8, 32).Select(id => harness.Send(id, cancellationToken: source.Token)).ToList();
        Assert.Equal(PredictionStatus.Overloaded, (await Harness.Fault(harness.Send(99))).Status);

        await source.CancelAsync();
        foreach (var task in inLine)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);

        // The lane is still busy: what has been given up must not keep others out.
        Assert.Equal(8, harness.Batcher.QueuedRows);
        var late = harness.Send(100);
        Assert.False(late.IsCompleted);

        harness.Model.HoldsRuns = false;
        blocker.Finish();
        foreach (var task in batched)
            (await task).Dispose();
        await Harness.Expect(late, 100);
        harness.Settle();
        Assert.DoesNotContain(harness.Model.Runs, static rows => rows.Any(static id => id is >= 8 and < 40));
    }

    [Fact]
    public async Task PredictAsync_CancelledInLineAgainAndAgain_LineDoesNotGrow()
    {
        await using var harness = new Harness(options => options.MaxQueuedRows = 16);
        var blocker = await harness.BlockAsync();
        var kept = Enumerable.Range(0, 9).Select(id => harness.Send(id)).ToList();
        for (var i = 0; i < 1000; i++)
        {
            using var source = new CancellationTokenSource();
            var task = harness.Send(1000 + i, cancellationToken: source.Token);
            await source.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
        }

        Assert.Equal(9, harness.Batcher.QueuedRows);
        Assert.InRange(harness.Batcher.InLine, 1, 64);
        harness.Model.HoldsRuns = false;
        blocker.Finish();
        for (var i = 0; i < kept.Count; i++)
            await Harness.Expect(kept[i], i);
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_AllOfABatchCancelled_DoesNotRunIt()
    {
        await using var harness = new Harness();
        using var source = new CancellationTokenSource();
        var blocker = await harness.BlockAsync();
        var tasks = Enumerable.Range(0, 3).Select(id => harness.Send(id, cancellationToken: source.Token)).ToList();
        await source.CancelAsync();
        harness.Model.HoldsRuns = false;
        blocker.Finish();
        foreach (var task in tasks)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);

        harness.Settle();
        Assert.Single(harness.Model.Runs);
    }

    [Fact]
    public async Task PredictAsync_CancelledWhileItRunsAlone_StopsTheRun()
    {
        await using var harness = new Harness();
        using var source = new CancellationTokenSource();
        var task = harness.Send(1, cancellationToken: source.Token);
        var run = await harness.Model.NextRunAsync();
        Assert.False(run.CancellationToken.IsCancellationRequested);

        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
        Assert.True(run.CancellationToken.IsCancellationRequested);
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_CancelledWhileItRunsInCompany_LeavesTheRunAlone()
    {
        await using var harness = new Harness();
        using var source = new CancellationTokenSource();
        var blocker = await harness.BlockAsync();
        var cancelled = harness.Send(1, cancellationToken: source.Token);
        var other = harness.Send(2);
        blocker.Finish();
        var run = await harness.Model.NextRunAsync();

        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Assert.False(run.CancellationToken.IsCancellationRequested);
        run.Finish();

        await Harness.Expect(other, 2);
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_ExecutorSaysCancelledThoughNobodyCancelled_IsAFailure()
    {
        await using var harness = new Harness(
            model: new() { OnRun = static _ => throw new OperationCanceledException("of its own") }, holdsRuns: false);
        using var source = new CancellationTokenSource();

        var error = await Harness.Fault(harness.Send(1, cancellationToken: source.Token));

        Assert.Equal(PredictionStatus.Failed, error.Status);
    }

    [Fact]
    public async Task PredictAsync_TokenOfAnEarlierRequest_DoesNotEndALaterOne()
    {
        await using var harness = new Harness(holdsRuns: false);
        for (var i = 0; i < 500; i++)
        {
            using var source = new CancellationTokenSource();
            await Harness.Expect(harness.Send(i, cancellationToken: source.Token), i);
            await source.CancelAsync();
            await Harness.Expect(harness.Send(i), -0L + i);
        }

        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_CancelledFromManyThreadsWhileItIsAnswered_EndsOnce()
    {
        await using var harness = new Harness(holdsRuns: false, lanes: 2);
        for (var i = 0; i < 2000; i++)
        {
            using var source = new CancellationTokenSource();
            var tasks = new[] { harness.Send(1, cancellationToken: source.Token), harness.Send(2),
                harness.Send(3, cancellationToken: source.Token) };
            var cancelling = Task.Run(source.Cancel, TestContext.Current.CancellationToken);
            foreach (var (task, id) in tasks.Zip([1L, 2, 3]))
            {
                try
                {
                    await Harness.Expect(task, id);
                }
                catch (OperationCanceledException) when (id != 2)
                {
                }
            }

            await cancelling;
        }

        harness.Settle();
    }
}
