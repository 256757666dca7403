using MlServe.Batching;
using MlServe.Onnx;
using MlServe.TestModels;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Batching;

/// <summary>
/// The behaviours that the test suites of Nx.Serving, TensorFlow (Serving) and Triton hold their batchers to, each under its peer's own
/// name. PEERS.md lists those that do not apply, and where others are tested.
/// </summary>
public sealed class PeerBehaviourTests
{
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(100);

    [Fact]
    public async Task Nx_1Is1_OneRequestOfOneRowIsOneBatch()
    {
        await using var harness = new Harness(holdsRuns: false);

        await Harness.Expect(harness.Send(1), 1);

        Assert.Equal([1], Assert.Single(harness.Model.Runs));
    }

    [Fact]
    public async Task Nx_2And2Is4_TwoRequestsShareABatchAndGetTheirOwnRows() =>
        await RunAsync(4, [2, 2], [4]);

    [Fact]
    public async Task Nx_5Is3And3_OversizedRequestIsCutAtTheLimit() => await RunAsync(3, [6], [3, 3]);

    [Fact]
    public async Task Nx_5Is3And2_TailOfAnOversizedRequestDoesNotWait() => await RunAsync(3, [5], [3, 2]);

    [Fact]
    public async Task Nx_3And4And5_EveryCallerGetsItsOwnRowsOfSharedBatches() => await RunAsync(6, [3, 4, 5], [3, 4, 5]);

    [Fact]
    public async Task Nx_1Crash_TheCallerHearsTheOriginalError()
    {
        await using var harness = new Harness(
            model: new() { OnRun = static _ => throw new InvalidTimeZoneException("the original") }, holdsRuns: false);

        Assert.IsType<InvalidTimeZoneException>((await Harness.Fault(harness.Send(1))).Exception);
    }

    [Fact]
    public async Task Nx_2And3Crash_OnlyTheRequestWithAPartInTheFailedBatchFails()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var small = harness.SendRows([1, 2]);
        var large = harness.SendRows([3, 4, 5, 6, -7]);
        harness.Model.HoldsRuns = false;
        blocker.Finish();

        await Harness.Expect(small, 1, 2);
        Assert.Equal(PredictionStatus.Invalid, (await Harness.Fault(large)).Status);
    }

    [Fact]
    public async Task Nx_2Shutdown2_WhatWasAcceptedIsAnsweredAndNothingHangs()
    {
        var harness = new Harness(static options => options.MaxBatchSize = 2);
        var running = harness.SendRows([1, 2]);
        var run = await harness.Model.NextRunAsync();
        var queued = harness.SendRows([3, 4]);
        var disposal = harness.Pipeline.DisposeAsync().AsTask();
        harness.Model.HoldsRuns = false;
        run.Finish();

        await Harness.Expect(running, 1, 2);
        await Harness.Expect(queued, 3, 4);
        await disposal;
        await harness.DisposeAsync();
    }

    [Fact]
    public async Task Nx_2Then2Then1_FullBatchesGoInOrderAndThePartialOneAfterTheTimeout()
    {
        await using var harness = new Harness(static options =>
        {
            options.MaxBatchSize = 2;
            options.MaxQueueDelay = Delay;
        }, holdsRuns: false);
        await Harness.Expect(harness.SendRows([1, 2]), 1, 2);
        await Harness.Expect(harness.SendRows([3, 4]), 3, 4);
        var last = harness.Send(5);
        harness.WaitUntilHeld();
        Assert.False(last.IsCompleted);
        harness.Clock.Advance(Delay);

        await Harness.Expect(last, 5);
    }

    [Fact]
    public async Task Nx_BatchKeys_AFullBatchOfOneKeyDoesNotFlushTheOther()
    {
        await using var harness = new Harness(static options =>
        {
            options.MaxBatchSize = 2;
            options.MaxQueueDelay = Delay;
        }, holdsRuns: false);
        var other = harness.SendWide(1, 2);
        var first = harness.SendWide(2, 3);
        var second = harness.SendWide(3, 3);

        await Harness.Expect(first, 2);
        await Harness.Expect(second, 3);
        harness.WaitUntilHeld();
        Assert.False(other.IsCompleted);
        harness.Clock.Advance(Delay);
        await Harness.Expect(other, 1);
    }

    [Fact]
    public async Task Nx_ErrorsOnBatchSize_AnEmptyRequestIsNeverABatch()
    {
        await using var harness = new Harness();

        (await harness.SendRows([])).Dispose();

        Assert.Empty(harness.Model.Runs);
    }

    [Fact]
    public async Task Nx_WithLimitedConcurrentPushing_MoreCallersThanLanesDoNotDeadlock()
    {
        await using var harness = new Harness(holdsRuns: false, lanes: 2);
        var lists = Enumerable.Range(0, 4).Select(caller => harness.Pipeline.PredictManyAsync(
            [.. Enumerable.Range(caller * 100, 50).Select(static id => Answers.Request(id))]).AsTask()).ToList();

        for (var caller = 0; caller < 4; caller++)
        {
            using var answers = await lists[caller];
            Assert.Equal(
                Enumerable.Range(caller * 100, 50).Select(static id => (long)id),
                answers.Select(static answer => answer[0].ToScalar<long>()));
        }
    }

    [Fact]
    public async Task Nx_SpawnsTasksConcurrently_TwoLanesRunAtTheSameTime()
    {
        await using var harness = new Harness(lanes: 2);
        var first = harness.Send(1);
        var one = await harness.Model.NextRunAsync();
        var second = harness.Send(2);
        var two = await harness.Model.NextRunAsync();
        Assert.NotSame(one.Thread, two.Thread);
        one.Finish();
        two.Finish();
        await Task.WhenAll(first, second);
    }

    [Fact]
    public async Task Tf_ObeyBatchSizeConstraint_RequestsAreNotCutToFillABatch() => await RunAsync(10, [3, 5, 3, 1, 6], [8, 10]);

    [Fact]
    public async Task Tf_ObeysTimeout_RunsAtTheTimeoutAndNotBefore()
    {
        await using var harness = new Harness(static options => options.MaxQueueDelay = Delay, holdsRuns: false);
        var task = harness.Send(1);
        harness.WaitUntilHeld();
        harness.Clock.Advance(Delay - TimeSpan.FromMicroseconds(1));
        harness.WaitUntilHeld();
        Assert.False(task.IsCompleted);
        harness.Clock.Advance(TimeSpan.FromMilliseconds(1));

        await Harness.Expect(task, 1);
    }

    [Fact]
    public async Task Tf_WithZeroTimeoutBatchesScheduledAsSoonAsThreadIsAvailable_TheClockNeverMoves()
    {
        await using var harness = new Harness(holdsRuns: false);
        var before = harness.Clock.GetTimestamp();

        await Harness.Expect(harness.Send(1), 1);

        Assert.Equal(before, harness.Clock.GetTimestamp());
    }

    [Fact]
    public async Task Tf_Fairness_AnOlderBatchOfAnotherQueueGoesBeforeTheNextFullOne()
    {
        await using var harness = new Harness(static options => options.MaxBatchSize = 2);
        var blocker = await harness.BlockAsync();
        var tasks = new List<Task<Prediction>> { harness.SendWide(1, 2), harness.SendWide(2, 2) };
        harness.Clock.Advance(TimeSpan.FromMilliseconds(1));
        tasks.Add(harness.SendWide(3, 3));
        harness.Clock.Advance(TimeSpan.FromMilliseconds(1));
        tasks.AddRange([harness.SendWide(4, 2), harness.SendWide(5, 2)]);

        await FinishAllAsync(harness, blocker, tasks);
        Assert.Equal([[1_000_000], [1, 2], [3], [4, 5]], harness.Model.Runs);
    }

    [Fact]
    public async Task Tf_ConstMethods_CountsAreExactAndOnePastTheBoundIsRefused()
    {
        await using var harness = new Harness(static options => options.MaxQueuedRows = 6);
        var blocker = await harness.BlockAsync();
        var tasks = new List<Task<Prediction>>();
        for (var rows = 1; rows <= 3; rows++)
        {
            tasks.Add(harness.SendRows([.. Enumerable.Range(rows * 10, rows).Select(static id => (long)id)]));
            Assert.Equal(rows * (rows + 1) / 2, harness.Batcher.QueuedRows);
        }

        Assert.Equal(PredictionStatus.Overloaded, (await Harness.Fault(harness.Send(9))).Status);
        Assert.Equal(6, harness.Batcher.QueuedRows);
        await FinishAllAsync(harness, blocker, tasks);
        harness.Settle();
    }

    [Fact]
    public async Task Tf_OneFullQueueDoesntBlockOtherQueues_AnotherModelTakesRequests()
    {
        var gate = new RunGate(2);
        await using var full = new Harness(static options => options.MaxQueuedRows = 1, gate: gate);
        await using var other = new Harness(gate: gate, holdsRuns: false);
        var blocker = await full.BlockAsync();
        var waiting = full.Send(1);
        Assert.Equal(PredictionStatus.Overloaded, (await Harness.Fault(full.Send(2))).Status);

        await Harness.Expect(other.Send(3), 3);
        await FinishAllAsync(full, blocker, [waiting]);
    }

    [Fact]
    public async Task Tf_QueueDestructorBlocksUntilAllTasksProcessed_DisposalWaits()
    {
        var harness = new Harness();
        var task = harness.Send(1);
        var run = await harness.Model.NextRunAsync();
        var disposal = harness.Pipeline.DisposeAsync().AsTask();
        Assert.False(disposal.IsCompleted);
        run.Finish();
        await disposal;
        Assert.Equal(0, harness.Model.LanesOut);
        await Harness.Expect(task, 1);
        await harness.DisposeAsync();
    }

    [Theory]
    [InlineData(4)]
    [InlineData(2)]
    public async Task Tf_LowPriorityTaskOnly_RunsAloneWhetherTheBatchIsFullOrNot(int rows)
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var tasks = Enumerable.Range(1, rows).Select(id => harness.Send(id, priority: RequestPriority.Bulk)).ToList();

        await FinishAllAsync(harness, blocker, tasks);
        Assert.Equal(rows, harness.Model.Runs[1].Length);
    }

    [Fact]
    public async Task Tf_HighPriorityBatchNotPaddedWithLowPriorityTasks_ClassesStayApartAndHighGoesFirst()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var tasks = new List<Task<Prediction>>
        {
            harness.Send(1, priority: RequestPriority.Bulk), harness.Send(2), harness.Send(3, priority: RequestPriority.Bulk),
        };

        await FinishAllAsync(harness, blocker, tasks);
        Assert.Equal([[1_000_000], [2], [1, 3]], harness.Model.Runs);
    }

    [Fact]
    public async Task Tf_PriorityMergedRankingFullBatch_RankLooksAtFullBatchesToo()
    {
        await using var harness = new Harness(static options => options.MaxBatchSize = 2);
        var blocker = await harness.BlockAsync();
        var tasks = Enumerable.Range(1, 4).Select(id => harness.Send(id, priority: RequestPriority.Bulk)).ToList();
        harness.Clock.Advance(TimeSpan.FromMilliseconds(1));
        tasks.Add(harness.Send(5));

        await FinishAllAsync(harness, blocker, tasks);
        Assert.Equal([[1_000_000], [5], [1, 2], [3, 4]], harness.Model.Runs);
    }

    [Fact]
    public async Task Tf_InFlightBatchesLimit_AThirdBatchDoesNotStartWhileTwoRun()
    {
        await using var harness = new Harness(lanes: 2);
        var tasks = new List<Task<Prediction>> { harness.Send(1) };
        var one = await harness.Model.NextRunAsync();
        tasks.Add(harness.Send(2));
        var two = await harness.Model.NextRunAsync();
        tasks.AddRange(Enumerable.Range(3, 20).Select(id => harness.Send(id)));
        Assert.Equal(2, harness.Gate.CurrentRuns);
        Assert.False(harness.Model.TryNextRun(out _));
        harness.Model.HoldsRuns = false;
        one.Finish();
        two.Finish();
        await Task.WhenAll(tasks);
    }

    [Fact]
    public async Task Tf_FullBatches_NeverWaitForTheTimeout()
    {
        await using var harness = new Harness(static options => options.MaxQueueDelay = Delay, holdsRuns: false);

        await Harness.Expect(harness.SendRows([1, 2, 3, 4]), 1, 2, 3, 4);
    }

    [Fact]
    public async Task Tf_TruncateBatches_ALargeRequestIsCutAndComesBackWhole() => await RunAsync(100, [30, 350], [30, 100, 100, 100, 50]);

    [Fact]
    public async Task Serving_SingletonBatch_ALoneRequestRunsAlone()
    {
        await using var harness = new Harness(holdsRuns: false);

        using var answer = await harness.Send(1);

        Assert.Equal(1, answer.Origin.BatchRows);
    }

    [Fact]
    public async Task Serving_UnequalTensorShapes_RunApartAndBothAreAnswered()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var tasks = new List<Task<Prediction>> { harness.SendWide(1, 2), harness.SendWide(2, 3) };

        await FinishAllAsync(harness, blocker, tasks);
        Assert.Equal(3, harness.Model.Runs.Count);
        await Harness.Expect(tasks[0], 1);
        await Harness.Expect(tasks[1], 2);
    }

    [Fact]
    public async Task Serving_RequestWithIncompatibleInputTensorSizes_IsRefusedAndCountsNowhere()
    {
        var bytes = new OnnxModel().Input("a", OnnxModel.Float, "batch", 1).Input("b", OnnxModel.Float, "batch", 1)
            .Output("y", OnnxModel.Float, "batch", 1)
            .Node("Add", ["a", "b"], ["y"]).ToBytes();
        await using var model = await OnnxPredictor.LoadAsync(ModelSource.FromBytes(bytes));
        await using var predictor = new PredictorBuilder(model).UseBatching().Build();

        using var answer = await predictor.PredictAsync(PredictionInputs.Rows(
            PredictionInput.Tensor("a", new float[2], [2, 1]), PredictionInput.Tensor("b", new float[3], [3, 1])));

        Assert.Equal(PredictionErrorCode.RowCountMismatch, answer.Error.Code);
        Assert.Equal(0, predictor.GetService<BatchStatistics>()!.Requests);
    }

    [Fact]
    public async Task Serving_DifferentOrderForInputAndOutputTensors_IsFree()
    {
        var bytes = new OnnxModel().Input("a", OnnxModel.Float, "batch", 1).Input("b", OnnxModel.Float, "batch", 1)
            .Output("sum", OnnxModel.Float, "batch", 1).Output("difference", OnnxModel.Float, "batch", 1)
            .Node("Add", ["a", "b"], ["sum"]).Node("Sub", ["a", "b"], ["difference"]).ToBytes();
        await using var model = await OnnxPredictor.LoadAsync(ModelSource.FromBytes(bytes));
        await using var predictor = new PredictorBuilder(model).UseBatching(static options => options.RunMode = RunMode.Queued).Build();
        var a = PredictionInput.Tensor("a", new[] { 5f });
        var b = PredictionInput.Tensor("b", new[] { 3f });

        var first = predictor.PredictAsync(PredictionInputs.Row(a, b), new() { Outputs = ["sum", "difference"] }).AsTask();
        var second = predictor.PredictAsync(PredictionInputs.Row(b, a), new() { Outputs = ["difference", "sum"] }).AsTask();

        foreach (var task in new[] { first, second })
        {
            using var answer = await task;
            Assert.Equal(8, answer["sum"].ToScalar<float>());
            Assert.Equal(2, answer["difference"].ToScalar<float>());
        }
    }

    [Fact]
    public async Task Serving_AllTasksExceededDeadline_TheModelIsNotCalled()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var tasks = new List<Task<Prediction>> { harness.Send(1, Delay), harness.Send(2, Delay) };
        harness.Clock.Advance(Delay);

        await FinishAllAsync(harness, blocker, tasks);
        harness.Settle();
        Assert.Single(harness.Model.Runs);
        foreach (var task in tasks)
            Assert.Equal(PredictionStatus.DeadlineExceeded, (await Harness.Fault(task)).Status);
    }

    [Fact]
    public async Task Serving_SubsetOutputTensors_RequestsForDifferentOutputsShareABatch()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var one = harness.Pipeline.PredictAsync(Answers.Request(1), new() { Outputs = ["id"] }).AsTask();
        var both = harness.Pipeline.PredictAsync(Answers.Request(2)).AsTask();

        await FinishAllAsync(harness, blocker, [one, both]);
        Assert.Equal([1, 2], harness.Model.Runs[1]);
        Assert.Equal(1, (await one).Count);
        Assert.Equal(2, (await both).Count);
    }

    [Fact]
    public async Task Triton_MultiBatchDifferentShape_AreCountedAsBatchesOfTheirOwn()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var tasks = new List<Task<Prediction>>
        {
            harness.SendWide(1, 2), harness.SendWide(2, 2), harness.SendWide(3, 2), harness.SendWide(4, 5),
        };

        await FinishAllAsync(harness, blocker, tasks);
        Assert.Equal(3, harness.Statistics.Runs);
        Assert.Equal(5, harness.Statistics.Requests);
    }

    [Fact]
    public async Task Triton_MultiBatchSumGreaterThanMax_TheSecondStartsABatch() => await RunAsync(6, [3, 4], [3, 4]);

    [Fact]
    public async Task Triton_MultiBatchDelayedUseMaxBatch_WhatQueuedFillsOneBatch() => await RunAsync(8, [3, 4, 1], [8]);

    [Fact]
    public async Task Triton_MultiBatchPreserveOrdering_OneLaneAnswersInTheOrderOfArrival() =>
        await RunAsync(4, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [4, 4, 4]);

    [Fact]
    public async Task Triton_MaxQueueDelayOnlyDefault_TwoExecutionsTheFirstAndAllThatQueuedMeanwhile() =>
        await RunAsync(16, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [11]);

    [Fact]
    public async Task Triton_DefaultQueuePolicyTimeoutPromptResponse_IsAnsweredWhileTheModelIsStillBusy()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var hasty = harness.Send(1, Delay);

        harness.Clock.Advance(Delay);

        Assert.Equal(PredictionStatus.DeadlineExceeded, (await Harness.Fault(hasty)).Status);
        Assert.Equal(1, harness.Gate.CurrentRuns);
        blocker.Finish();
    }

    [Fact]
    public async Task Triton_MaxQueueSize_OfTenExactlyTwoFailAtOnceAndEightSucceed()
    {
        await using var harness = new Harness(static options => options.MaxQueuedRows = 8);
        var blocker = await harness.BlockAsync();
        var tasks = Enumerable.Range(1, 10).Select(id => harness.Send(id)).ToList();
        Assert.Equal(2, tasks.Count(static task => task.IsCompleted));

        await FinishAllAsync(harness, blocker, tasks);
        Assert.Equal(8, (await Task.WhenAll(tasks)).Count(static answer => answer.IsOk));
    }

    [Fact]
    public async Task Triton_PriorityLevels_PriorityThatArrivesLastGoesFirst()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var tasks = new List<Task<Prediction>>
        {
            harness.Send(1, priority: RequestPriority.Bulk), harness.Send(2, priority: RequestPriority.Bulk), harness.Send(3),
        };

        await FinishAllAsync(harness, blocker, tasks);
        Assert.Equal([3], harness.Model.Runs[1]);
    }

    [Fact]
    public async Task Triton_OptionalInput_SameSubsetIsBatchedAndAnotherIsNot()
    {
        await using var harness = new Harness(model: new(hasShared: true));
        var blocker = await harness.BlockAsync();
        Task<Prediction> With(long id) => harness.Pipeline.PredictAsync(
            PredictionInputs.Row(PredictionInput.Tensor("x", new[] { id }), PredictionInput.Scalar("shared", 1L))).AsTask();
        Task<Prediction> Without(long id) =>
            harness.Pipeline.PredictAsync(PredictionInputs.Row(PredictionInput.Tensor("x", new[] { id }))).AsTask();
        var tasks = new List<Task<Prediction>> { With(1), Without(2), With(3), Without(4) };

        await FinishAllAsync(harness, blocker, tasks);
        Assert.Equal([[1, 3], [2, 4]], harness.Model.Runs.Skip(1).OrderBy(static rows => rows[0]));
    }

    [Fact]
    public async Task Triton_RequestCancellation_AQueuedRequestEndsPromptly()
    {
        await using var harness = new Harness();
        using var source = new CancellationTokenSource();
        var blocker = await harness.BlockAsync();
        var task = harness.Send(1, cancellationToken: source.Token);

        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
        Assert.Equal(1, harness.Gate.CurrentRuns);
        blocker.Finish();
    }

    [Fact]
    public async Task Triton_RateLimiterSingleModel_ScarceResourceIsSharedAndNobodyStarves()
    {
        var gate = new RunGate(1);
        await using var one = new Harness(gate: gate, holdsRuns: false);
        await using var two = new Harness(gate: gate, holdsRuns: false);
        var tasks = Enumerable.Range(1, 200).Select(id => (Id: id, Task: (id % 2 == 0 ? one : two).Send(id))).ToList();

        foreach (var (id, task) in tasks)
            await Harness.Expect(task, id);
    }

    /// <summary>Sends requests of so many rows each behind a busy lane, and expects runs of so many rows.</summary>
    private static async Task RunAsync(int limit, int[] requests, int[] runs)
    {
        await using var harness = new Harness(options => options.MaxBatchSize = limit);
        var blocker = await harness.BlockAsync();
        var ids = requests.Select(static (rows, i) =>
            Enumerable.Range((i + 1) * 1000, rows).Select(static id => (long)id).ToArray()).ToList();
        var tasks = ids.Select(rows => harness.SendRows(rows)).ToList();

        await FinishAllAsync(harness, blocker, tasks);
        Assert.Equal(runs, harness.Model.Runs.Skip(1).Select(static rows => rows.Length));
        for (var i = 0; i < tasks.Count; i++)
            await Harness.Expect(tasks[i], ids[i]);
    }

    private static async Task FinishAllAsync(Harness harness, FakeRun blocker, List<Task<Prediction>> tasks)
    {
        harness.Model.HoldsRuns = false;
        blocker.Finish();
        foreach (var task in tasks)
            await task;
    }
}
