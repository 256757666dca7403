using MlServe.Batching;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Batching;

public sealed class SplitRequestTests
{
    private static readonly long[] Ten = [.. Enumerable.Range(1, 10).Select(static id => (long)id)];

    [Fact]
    public async Task PredictAsync_MoreRowsThanABatch_IsCutAndJoinedInOrder()
    {
        await using var harness = new Harness();
        var task = harness.SendRows(Ten);
        foreach (var size in new[] { 4, 4, 2 })
        {
            var run = await harness.Model.NextRunAsync();
            Assert.Equal(size, run.Rows.Length);
            run.Finish();
        }

        await Harness.Expect(task, Ten);
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_SplitRequestAsksForOneOutput_GetsThatOneJoined()
    {
        await using var harness = new Harness(holdsRuns: false);

        using var answer = await harness.Pipeline.PredictAsync(PredictionInputs.Rows(Ten, 10), new() { Outputs = ["negated"] });

        Assert.Equal(1, answer.Count);
        Assert.Equal(Ten.Select(static id => -id), answer["negated"].ToArray<long>());
    }

    [Fact]
    public async Task PredictAsync_SplitRequest_SharesItsLastBatchWithOthers()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var large = harness.SendRows(Ten);
        var small = harness.Send(50);
        blocker.Finish();
        (await harness.Model.NextRunAsync()).Finish();
        (await harness.Model.NextRunAsync()).Finish();
        var last = await harness.Model.NextRunAsync();
        Assert.Equal([9, 10, 50], last.Rows);
        last.Finish();

        await Harness.Expect(large, Ten);
        await Harness.Expect(small, 50);
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_OnePartFails_TheWholeFailsOnceAndTheOtherRequestIsAnswered()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var large = harness.SendRows([1, 2, 3, 4, 5, 6, 7, 8, 9, -10]);
        var small = harness.Send(50);
        harness.Model.HoldsRuns = false;
        blocker.Finish();

        Assert.Equal("Row -10 is negative.", (await Harness.Fault(large)).Message);
        await Harness.Expect(small, 50);
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_SplitRequestIsCancelled_EndsOnceAllItsPartsDo()
    {
        await using var harness = new Harness();
        using var source = new CancellationTokenSource();
        var large = harness.SendRows(Ten, cancellationToken: source.Token);
        var run = await harness.Model.NextRunAsync();
        var other = harness.Send(50);

        // Its first part runs alone and is stopped with it: the next batch begins by itself.
        harness.Model.HoldsRuns = false;
        await source.CancelAsync();
        var exception = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => large);
        Assert.Equal(source.Token, exception.CancellationToken);

        run.Finish();
        await Harness.Expect(other, 50);
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_SplitRequestExpires_IsAnsweredOnce()
    {
        await using var harness = new Harness();
        var large = harness.SendRows(Ten, TimeSpan.FromMilliseconds(50));
        var first = await harness.Model.NextRunAsync();
        first.Finish();
        var second = await harness.Model.NextRunAsync();

        harness.Clock.Advance(TimeSpan.FromMilliseconds(50));

        Assert.Equal(PredictionStatus.DeadlineExceeded, (await Harness.Fault(large)).Status);
        harness.Model.HoldsRuns = false;
        second.Finish();
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_SplitRequestDoesNotFitTheQueue_IsRefusedAsAWhole()
    {
        await using var harness = new Harness(static options => options.MaxQueuedRows = 12);
        var blocker = await harness.BlockAsync();
        var waiting = Enumerable.Range(0, 3).Select(id => harness.Send(id)).ToList();

        Assert.Equal(PredictionErrorCode.QueueFull, (await Harness.Fault(harness.SendRows(Ten))).Code);
        Assert.Equal(3, harness.Batcher.QueuedRows);

        harness.Model.HoldsRuns = false;
        blocker.Finish();
        foreach (var task in waiting)
            (await task).Dispose();
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_SplitRequestsOfAllSizes_ComeBackWhole()
    {
        await using var harness = new Harness(static options => options.MaxBatchSize = 7, holdsRuns: false, lanes: 2);
        var tasks = Enumerable.Range(1, 60)
            .Select(size =>
                (Size: size, Task: harness.SendRows([.. Enumerable.Range(size * 100, size).Select(static id => (long)id)]))).ToList();

        foreach (var (size, task) in tasks)
            await Harness.Expect(task, [.. Enumerable.Range(size * 100, size).Select(static id => (long)id)]);
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_RequestsThatLeaveGaps_AreAllAnswered()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var sizes = new[] { 3, 3, 1, 2, 4, 1, 1, 3, 2, 2 };
        var tasks = sizes.Select((size, i) => harness.SendRows([.. Enumerable.Range(i * 10, size).Select(static id => (long)id)])).ToList();
        harness.Model.HoldsRuns = false;
        blocker.Finish();

        for (var i = 0; i < sizes.Length; i++)
            await Harness.Expect(tasks[i], [.. Enumerable.Range(i * 10, sizes[i]).Select(static id => (long)id)]);
        Assert.All(harness.Model.Runs, static rows => Assert.InRange(rows.Length, 1, 4));
        harness.Settle();
    }

    [Fact]
    public async Task PredictManyAsync_ManyRows_RunInFullBatches()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var task = harness.Pipeline.PredictManyAsync([.. Ten.Select(Answers.Request)]).AsTask();
        harness.Model.HoldsRuns = false;
        blocker.Finish();

        using var answers = await task;
        Assert.Equal(Ten, answers.Select(static answer => answer[0].ToScalar<long>()));
        Assert.Equal([1, 4, 4, 2], harness.Model.Runs.Select(static rows => rows.Length));
    }
}
