#pragma warning disable CA2012, xUnit1031 // Value tasks are kept and read late on purpose.
using MlServe.Batching;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Batching;

public sealed class BatchingPredictorTests
{
    [Fact]
    public async Task PredictAsync_LaneIsBusy_BatchFormsAndRunsWhenItIsFree()
    {
        await using var harness = new Harness();
        var first = harness.Send(0);
        var run = await harness.Model.NextRunAsync();
        Assert.Equal([0], run.Rows);

        var others = Enumerable.Range(1, 3).Select(id => harness.Send(id)).ToList();
        Assert.Equal(3, harness.Batcher.QueuedRows);
        run.Finish();
        await Harness.Expect(first, 0);

        run = await harness.Model.NextRunAsync();
        Assert.Equal([1, 2, 3], run.Rows);
        Assert.Equal(0, harness.Batcher.QueuedRows);
        run.Finish();
        for (var i = 0; i < others.Count; i++)
            await Harness.Expect(others[i], i + 1);
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_MoreThanBatchesHold_StandsInLineAndKeepsItsOrder()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var tasks = Enumerable.Range(0, 50).Select(id => harness.Send(id)).ToList();
        Assert.Equal(50, harness.Batcher.QueuedRows);

        blocker.Finish();
        for (var i = 0; i < 50; i += 4)
        {
            var run = await harness.Model.NextRunAsync();
            Assert.Equal(Enumerable.Range(i, Math.Min(4, 50 - i)).Select(static id => (long)id), run.Rows);
            run.Finish();
        }

        for (var i = 0; i < tasks.Count; i++)
            await Harness.Expect(tasks[i], i);
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_SeveralLanes_RunsAsManyBatchesAtOnce()
    {
        await using var harness = new Harness(lanes: 2);
        var first = harness.Send(1);
        var runs = new List<FakeRun> { await harness.Model.NextRunAsync() };
        var second = harness.Send(2);
        runs.Add(await harness.Model.NextRunAsync());
        var third = harness.Send(3);
        Assert.False(harness.Model.TryNextRun(out _));

        runs[1].Finish();
        var last = await harness.Model.NextRunAsync();
        Assert.Equal([3], last.Rows);
        last.Finish();
        runs[0].Finish();
        Assert.Equal(6, (await Harness.Ids(first))[0] + (await Harness.Ids(second))[0] + (await Harness.Ids(third))[0]);
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_QueueIsFull_RefusesAtOnceAndTakesNothingWithIt()
    {
        await using var harness = new Harness(options => options.MaxQueuedRows = 5);
        var blocker = await harness.BlockAsync();
        var accepted = Enumerable.Range(0, 5).Select(id => harness.Send(id)).ToList();

        var refused = harness.Send(9);
        Assert.True(refused.IsCompleted);
        var error = await Harness.Fault(refused);
        Assert.Equal(PredictionStatus.Overloaded, error.Status);
        Assert.Equal(PredictionErrorCode.QueueFull, error.Code);
        Assert.Equal(5, harness.Batcher.QueuedRows);

        harness.Model.HoldsRuns = false;
        blocker.Finish();
        foreach (var task in accepted)
            Assert.True((await task).IsOk);
        harness.Settle();
        await Harness.Expect(harness.Send(10), 10);
    }

    [Fact]
    public async Task PredictAsync_MoreRowsThanMayEverWait_IsTooLarge()
    {
        await using var harness = new Harness(options => options.MaxQueuedRows = 5, holdsRuns: false);

        var error = await Harness.Fault(harness.SendRows([1, 2, 3, 4, 5, 6]));

        Assert.Equal(PredictionStatus.TooLarge, error.Status);
        Assert.Contains("6", error.Message, StringComparison.Ordinal);
        await Harness.Expect(harness.SendRows([1, 2, 3, 4, 5]), 1, 2, 3, 4, 5);
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_NoRows_GoesTheDirectWay()
    {
        await using var harness = new Harness();

        Assert.True((await harness.SendRows([])).IsOk);

        Assert.Equal(1, harness.Model.DirectCalls);
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_DifferentShapes_NeverShareABatch()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var tasks = new[] { harness.SendWide(1, 2), harness.SendWide(2, 3), harness.SendWide(3, 2), harness.SendWide(4, 3) };

        blocker.Finish();
        var first = await harness.Model.NextRunAsync();
        first.Finish();
        var second = await harness.Model.NextRunAsync();
        second.Finish();
        await Task.WhenAll(tasks);

        Assert.Equal([[1, 3], [2, 4]], new[] { first.Rows, second.Rows }.OrderBy(static rows => rows[0]));
        for (var i = 0; i < tasks.Length; i++)
            await Harness.Expect(tasks[i], i + 1);
    }

    [Fact]
    public async Task PredictAsync_InputsThatHoldForAllRows_ShareABatchOnlyWithEqualValues()
    {
        await using var harness = new Harness(model: new(hasShared: true));
        var blocker = await harness.BlockAsync();

        Task<Prediction> Send(long id, long shared) => harness.Pipeline.PredictAsync(
            PredictionInputs.Row(PredictionInput.Tensor("x", new[] { id }), PredictionInput.Scalar("shared", shared))).AsTask();
        var tasks = new[] { Send(1, 8000), Send(2, 16000), Send(3, 8000), Send(4, 16000) };
        blocker.Finish();
        var first = await harness.Model.NextRunAsync();
        first.Finish();
        var second = await harness.Model.NextRunAsync();
        second.Finish();
        await Task.WhenAll(tasks);

        Assert.Equal([[1, 3], [2, 4]], new[] { first.Rows, second.Rows }.OrderBy(static rows => rows[0]));
    }

    [Fact]
    public async Task PredictAsync_SharedValuesTooLargeToCompare_GoTheDirectWay()
    {
        await using var harness = new Harness(model: new(hasShared: true));

        using var answer = await harness.Pipeline.PredictAsync(PredictionInputs.Row(
            PredictionInput.Tensor("x", new[] { 1L }), PredictionInput.Tensor("shared", new long[200])));

        Assert.Equal(1, harness.Model.DirectCalls);
    }

    [Fact]
    public async Task PredictAsync_DifferentOutputs_ShareABatchAndGetTheirOwn()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var id = harness.Pipeline.PredictAsync(Answers.Request(5), new() { Outputs = ["id"] }).AsTask();
        var negated = harness.Pipeline.PredictAsync(Answers.Request(6), new() { Outputs = ["negated"] }).AsTask();

        blocker.Finish();
        var run = await harness.Model.NextRunAsync();
        Assert.Equal([5, 6], run.Rows);
        run.Finish();

        using var first = await id;
        using var second = await negated;
        Assert.Equal(1, first.Count);
        Assert.Equal(5, first["id"].ToScalar<long>());
        Assert.Equal(1, second.Count);
        Assert.Equal(-6, second["negated"].ToScalar<long>());
    }

    [Fact]
    public async Task PredictAsync_ModelWithoutBatchAxis_RunsOneRequestAtATime()
    {
        await using var harness = new Harness(model: new(isBatchable: false), holdsRuns: false);
        var tasks = Enumerable.Range(0, 10).Select(id => harness.Send(id)).ToList();

        for (var i = 0; i < tasks.Count; i++)
            await Harness.Expect(tasks[i], i);
        Assert.All(harness.Model.Runs, static rows => Assert.Single(rows));
    }

    [Fact]
    public async Task PredictAsync_RequestThatDoesNotFitTheModel_NeverEntersABatch()
    {
        await using var harness = new Harness();

        using var answer = await harness.Pipeline.PredictAsync(Answers.Request(5), new() { Outputs = ["nonsense"] });

        Assert.Equal(PredictionStatus.Invalid, answer.Status);
        Assert.Empty(harness.Model.Runs);
    }

    [Fact]
    public async Task PredictAsync_Answer_SaysWhichBatchItRodeIn()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var task = harness.Send(1);
        var other = harness.Send(2);
        harness.Clock.Advance(TimeSpan.FromMilliseconds(30));
        blocker.Finish();
        var run = await harness.Model.NextRunAsync();
        harness.Clock.Advance(TimeSpan.FromMilliseconds(20));
        run.Finish();

        using var answer = await task;
        Assert.Equal(2, answer.Origin.BatchRows);
        Assert.Equal(TimeSpan.FromMilliseconds(30), answer.Origin.QueueTime);
        Assert.Equal(TimeSpan.FromMilliseconds(20), answer.Origin.RunTime);
        Assert.Equal("fake", answer.Origin.Model!.Name);
        (await other).Dispose();
    }

    [Fact]
    public async Task PredictAsync_ContextThatTakesNoWork_HarmsNobodyElse()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var broken = harness.Pipeline.PredictAsync(Answers.Request(1));
        var before = SynchronizationContext.Current;
        var read = new TaskCompletionSource<float>(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            SynchronizationContext.SetSynchronizationContext(new BrokenContext());
            broken.GetAwaiter().OnCompleted(() => read.SetResult(Answers.Read(broken.GetAwaiter().GetResult())));
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }

        var other = harness.Send(2);
        harness.Model.HoldsRuns = false;
        blocker.Finish();

        await Harness.Expect(other, 2);
        harness.Settle();
        Assert.Equal(1, await read.Task);
    }

    [Fact]
    public async Task PredictAsync_ContinuationThatThrows_HarmsNobodyElse()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var tasks = Enumerable.Range(0, 8).Select(async id =>
        {
            (await harness.Send(id)).Dispose();
            throw new InvalidOperationException("from the caller");
        }).ToList();
        var other = harness.Send(100);
        harness.Model.HoldsRuns = false;
        blocker.Finish();

        await Harness.Expect(other, 100);
        foreach (var task in tasks)
            Assert.Equal("from the caller", (await Assert.ThrowsAsync<InvalidOperationException>(() => task)).Message);
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_SharedGate_BoundsRunsOverAllModels()
    {
        var gate = new RunGate(1);
        await using var one = new Harness(gate: gate);
        await using var two = new Harness(gate: gate);
        var first = one.Send(1);
        var run = await one.Model.NextRunAsync();
        var second = two.Send(2);
        SpinWait.SpinUntil(() => gate.CurrentWaiters == 1);
        Assert.False(two.Model.TryNextRun(out _));

        run.Finish();
        (await two.Model.NextRunAsync()).Finish();

        await Harness.Expect(first, 1);
        await Harness.Expect(second, 2);
        one.Settle();
        two.Settle();
    }

    private sealed class BrokenContext : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state) => throw new InvalidOperationException("closed");
    }
}
