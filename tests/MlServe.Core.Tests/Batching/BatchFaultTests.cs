using MlServe.Batching;

namespace MlServe.Tests.Batching;

public sealed class BatchFaultTests
{
    public static TheoryData<int, int[]> Culprits()
    {
        var data = new TheoryData<int, int[]>();
        foreach (var size in new[] { 1, 2, 3, 5, 8 })
        {
            for (var culprits = 0; culprits < 1 << size; culprits += size < 8 ? 1 : 7)
                data.Add(size, [.. Enumerable.Range(0, size).Where(i => (culprits & (1 << i)) != 0)]);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Culprits))]
    public async Task Run_BatchFails_InnocentAreAnsweredAndEachCulpritHearsOfItself(int size, int[] culprits)
    {
        await using var harness = new Harness(static options => options.MaxBatchSize = 8);
        var blocker = await harness.BlockAsync();
        var ids = Enumerable.Range(1, size).Select(i => culprits.Contains(i - 1) ? -i : (long)i).ToArray();
        var tasks = ids.Select(id => harness.Send(id)).ToList();
        harness.Model.HoldsRuns = false;
        blocker.Finish();

        for (var i = 0; i < size; i++)
        {
            if (ids[i] > 0)
            {
                await Harness.Expect(tasks[i], ids[i]);
                continue;
            }

            var error = await Harness.Fault(tasks[i]);
            Assert.Equal(PredictionStatus.Invalid, error.Status);
            Assert.Equal($"Row {ids[i]} is negative.", error.Message);
        }

        harness.Settle();
        var runs = harness.Model.Runs.Count - 1;
        Assert.InRange(runs, 1, culprits.Length == 0 ? 1 : 1 + (2 * culprits.Length * (int)Math.Ceiling(Math.Log2(size))));
    }

    [Fact]
    public async Task Run_OneCulpritOf64_CostsAFewRunsMore()
    {
        await using var harness = new Harness(static options => options.MaxBatchSize = 64);
        var blocker = await harness.BlockAsync();
        var tasks = Enumerable.Range(1, 64).Select(id => harness.Send(id == 40 ? -40 : id)).ToList();
        harness.Model.HoldsRuns = false;
        blocker.Finish();

        foreach (var (task, i) in tasks.Select(static (task, i) => (task, i + 1)).Where(static pair => pair.Item2 != 40))
            await Harness.Expect(task, i);
        Assert.Equal(PredictionStatus.Invalid, (await Harness.Fault(tasks[39])).Status);
        Assert.InRange(harness.Model.Runs.Count - 1, 2, 1 + 12);
        Assert.Equal(2, harness.Statistics.Runs);
        Assert.Equal(65, harness.Statistics.Requests);
    }

    [Fact]
    public async Task Run_CulpritsNeighbourIsCancelledMeanwhile_ItsMemoryIsNotRead()
    {
        await using var harness = new Harness();
        using var source = new CancellationTokenSource();
        var blocker = await harness.BlockAsync();
        var cancelled = harness.Send(7, cancellationToken: source.Token);
        var culprit = harness.Send(-1);
        blocker.Finish();
        var run = await harness.Model.NextRunAsync();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        harness.Model.OnWrite = static id => Assert.NotEqual(7, id);
        harness.Model.HoldsRuns = false;
        run.Finish();

        Assert.Equal(PredictionStatus.Invalid, (await Harness.Fault(culprit)).Status);
        harness.Settle();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Run_Throws_EveryRequestIsAnswered(bool inCompany)
    {
        await using var harness = new Harness(model: new()
        {
            OnRun = static rows => { if (rows.Contains(3)) throw new InvalidOperationException("boom"); },
        });
        var blocker = await harness.BlockAsync();
        var culprit = harness.Send(3);
        var others = Enumerable.Range(4, inCompany ? 3 : 0).Select(id => harness.Send(id)).ToList();
        harness.Model.HoldsRuns = false;
        blocker.Finish();

        var error = await Harness.Fault(culprit);
        Assert.Equal(PredictionStatus.Failed, error.Status);
        Assert.Contains("boom", error.Message, StringComparison.Ordinal);
        Assert.IsType<InvalidOperationException>(error.Exception);
        for (var i = 0; i < others.Count; i++)
            await Harness.Expect(others[i], i + 4);
        harness.Settle();
    }

    [Fact]
    public async Task Write_ThrowsForTheOpenBatch_OnlyItsOwnRequestFails()
    {
        await using var harness = new Harness(model: Breaking(nameof(FakeModel.OnWrite)));
        var blocker = await harness.BlockAsync();
        var tasks = Enumerable.Range(1, 4).Select(id => harness.Send(id)).ToList();
        Assert.True(tasks[2].IsCompleted);
        harness.Model.HoldsRuns = false;
        blocker.Finish();

        await AssertOnlyThirdFailsAsync(tasks, harness);
    }

    /// <summary>A row that was reserved and not written holds another caller's of an earlier batch.</summary>
    [Fact]
    public async Task Write_Throws_NothingIsRunInItsPlace()
    {
        await using var harness = new Harness(model: Breaking(nameof(FakeModel.OnWrite)));
        var blocker = await harness.BlockAsync();
        harness.Model.HoldsRuns = false;
        var earlier = Enumerable.Range(50, 4).Select(id => harness.Send(id)).ToList();
        blocker.Finish();
        await Task.WhenAll(earlier);
        harness.Settle();
        harness.Model.HoldsRuns = true;
        blocker = await harness.BlockAsync();
        var tasks = Enumerable.Range(1, 12).Select(id => harness.Send(id)).ToList();
        harness.Model.HoldsRuns = false;
        blocker.Finish();

        for (var i = 0; i < tasks.Count; i++)
        {
            if (i == 2) Assert.Equal(PredictionStatus.Failed, (await Harness.Fault(tasks[i])).Status);
            else await Harness.Expect(tasks[i], i + 1);
        }

        harness.Settle();
        var runs = harness.Model.Runs.SelectMany(static run => run).Where(static id => id < 1_000_000).Order();
        Assert.Equal([1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 50, 51, 52, 53], runs);
    }

    [Fact]
    public async Task Write_ThrowsForTheLine_OnlyItsOwnRequestFails()
    {
        await using var harness = new Harness(model: Breaking(nameof(FakeModel.OnWrite)));
        var blocker = await harness.BlockAsync();
        var before = Enumerable.Range(100, 8).Select(id => harness.Send(id)).ToList();
        var tasks = Enumerable.Range(1, 4).Select(id => harness.Send(id)).ToList();
        harness.Model.HoldsRuns = false;
        blocker.Finish();

        await AssertOnlyThirdFailsAsync(tasks, harness);
        foreach (var task in before)
            Assert.True((await task).IsOk);
    }

    [Fact]
    public async Task Write_ThrowsWhileCulpritsAreSought_OnlyItsOwnRequestFails()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var tasks = Enumerable.Range(1, 3).Select(id => harness.Send(id)).ToList();
        var culprit = harness.Send(-9);
        harness.Model.OnWrite = static id => { if (id == 3) throw new InvalidOperationException("boom"); };
        harness.Model.HoldsRuns = false;
        blocker.Finish();

        Assert.Equal(PredictionStatus.Invalid, (await Harness.Fault(culprit)).Status);
        await AssertOnlyThirdFailsAsync([.. tasks, harness.Send(4)], harness);
    }

    [Fact]
    public async Task Read_Throws_OnlyItsOwnRequestFails()
    {
        await using var harness = new Harness(model: Breaking(nameof(FakeModel.OnRead)));
        var blocker = await harness.BlockAsync();
        var tasks = Enumerable.Range(1, 4).Select(id => harness.Send(id)).ToList();
        harness.Model.HoldsRuns = false;
        blocker.Finish();

        await AssertOnlyThirdFailsAsync(tasks, harness);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Clear_Throws_AnswersGoOutAndTheNextBatchRuns(int size)
    {
        await using var harness = new Harness(model: new() { OnClear = static () => throw new InvalidOperationException("boom") });
        var blocker = await harness.BlockAsync();
        var tasks = Enumerable.Range(1, size).Select(id => harness.Send(id)).ToList();
        harness.Model.HoldsRuns = false;
        blocker.Finish();

        for (var i = 0; i < size; i++)
            await Harness.Expect(tasks[i], i + 1);
        harness.Settle();
        await Harness.Expect(harness.Send(9), 9);
    }

    [Fact]
    public async Task Rent_ThrowsForANewShape_FailsItsRequestAndTakesNothingWithIt()
    {
        await using var harness = new Harness(model: new()
        {
            OnRent = static shape => { if (shape.Sizes[0] == 7) throw new InsufficientMemoryException("boom"); },
        }, holdsRuns: false);

        var error = await Harness.Fault(harness.SendWide(1, 7));

        Assert.Equal(PredictionStatus.Failed, error.Status);
        harness.Settle();
        await Harness.Expect(harness.SendWide(2, 3), 2);
    }

    [Fact]
    public async Task Rent_ThrowsWhereOtherLanesAre_WaitsForOneOfThem()
    {
        var lanes = 0;
        var model = new FakeModel();
        model.OnRent = _ => { if (Interlocked.Increment(ref lanes) > 2) throw new InsufficientMemoryException("boom"); };
        await using var harness = new Harness(model: model);
        var blocker = await harness.BlockAsync();
        var tasks = Enumerable.Range(1, 20).Select(id => harness.Send(id)).ToList();
        harness.Model.HoldsRuns = false;
        blocker.Finish();

        for (var i = 0; i < tasks.Count; i++)
            await Harness.Expect(tasks[i], i + 1);
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_NoLaneForTheCallersThread_TheQueueAnswersWithItsOwn()
    {
        // As when the model is closed, without waiting, while accepted requests are under way.
        await using var harness = new Harness(static options => options.RunMode = RunMode.Inline, holdsRuns: false);
        await Harness.Expect(harness.Send(1), 1);
        harness.Model.OnRent = static _ => throw new ObjectDisposedException("model");

        await Harness.Expect(harness.Send(2), 2);

        Assert.Equal(1, harness.Statistics.InlineRuns);
    }

    [Theory]
    [InlineData(nameof(FakeModel.OnWrite))]
    [InlineData(nameof(FakeModel.OnRun))]
    [InlineData(nameof(FakeModel.OnRead))]
    public async Task PredictAsync_ExecutorThrowsInline_IsAFailureAsInABatch(string where)
    {
        await using var harness = new Harness(static options => options.RunMode = RunMode.Inline, holdsRuns: false);
        await Harness.Expect(harness.Send(1), 1);
        var model = Breaking(where);
        (harness.Model.OnWrite, harness.Model.OnRun, harness.Model.OnRead) = (model.OnWrite, model.OnRun, model.OnRead);

        Assert.Equal(PredictionStatus.Failed, (await Harness.Fault(harness.Send(3))).Status);

        harness.Settle();
        await Harness.Expect(harness.Send(1), 1);
    }

    /// <summary>Of a disposed object of its own a lane may speak at any time; that the model is closed only the executor says.</summary>
    [Theory]
    [InlineData(nameof(FakeModel.OnWrite), false)]
    [InlineData(nameof(FakeModel.OnRun), false)]
    [InlineData(nameof(FakeModel.OnRead), false)]
    [InlineData(nameof(FakeModel.OnWrite), true)]
    [InlineData(nameof(FakeModel.OnRun), true)]
    [InlineData(nameof(FakeModel.OnRead), true)]
    public async Task PredictAsync_LaneThrowsObjectDisposed_IsAFailureAndNotClosed(string where, bool isInline)
    {
        await using var harness = new Harness(options => options.RunMode = isInline ? RunMode.Inline : RunMode.Queued, holdsRuns: false);
        await Harness.Expect(harness.Send(1), 1);
        var broken = new ObjectDisposedException("stream");
        harness.Model.OnWrite = id => { if (where == nameof(FakeModel.OnWrite) && id == 3) throw broken; };
        harness.Model.OnRun = rows => { if (where == nameof(FakeModel.OnRun) && rows.Contains(3)) throw broken; };
        harness.Model.OnRead = id => { if (where == nameof(FakeModel.OnRead) && id == 3) throw broken; };

        var error = await Harness.Fault(harness.Send(3));

        Assert.Equal((PredictionStatus.Failed, PredictionErrorCode.RuntimeFailed), (error.Status, error.Code));
        harness.Settle();
        await Harness.Expect(harness.Send(1), 1);
    }

    [Fact]
    public async Task PredictAsync_NoLaneOfAClosedModel_SaysThatItIsClosed()
    {
        await using var harness = new Harness(holdsRuns: false);
        harness.Model.OnRent = static shape => ObjectDisposedException.ThrowIf(shape.Sizes[0] == 7, typeof(FakeModel));
        var error = await Harness.Fault(harness.SendWide(1, 7));
        Assert.Equal((PredictionStatus.NotReady, PredictionErrorCode.Draining), (error.Status, error.Code));
    }

    private static FakeModel Breaking(string where)
    {
        var model = new FakeModel();
        switch (where)
        {
            case nameof(FakeModel.OnRun):
                model.OnRun = static rows => Break(rows[0]);
                break;
            case nameof(FakeModel.OnWrite):
                model.OnWrite = Break;
                break;
            case nameof(FakeModel.OnRead):
                model.OnRead = Break;
                break;
        }

        return model;

        static void Break(long id)
        {
            if (id == 3) throw new InvalidOperationException("boom");
        }
    }

    private static async Task AssertOnlyThirdFailsAsync(List<Task<Prediction>> tasks, Harness harness)
    {
        var error = await Harness.Fault(tasks[2]);
        Assert.Equal(PredictionStatus.Failed, error.Status);
        Assert.Contains("boom", error.Message, StringComparison.Ordinal);
        foreach (var i in new[] { 0, 1, 3 })
            await Harness.Expect(tasks[i], i + 1);
        harness.Settle();
    }
}
