using MlServe.Batching;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Batching;

public sealed class BatchMemoryTests
{
    private const int MiB = 1 << 20;

    [Theory]
    [InlineData(8, 64)]
    [InlineData(256 * 1024, 1)]
    [InlineData(16 * 1024, 16)]
    public async Task Build_SampleIsKnown_LanesAreMadeWhenTrafficAsksForThemAndKeepToTheirBound(long bytesPerRow, int capacity)
    {
        var model = new FakeModel { SampleRequest = Answers.Request(1), BytesPerNumber = bytesPerRow };
        await using var harness = new Harness(static options =>
        {
            options.MaxBatchSize = 64;
            options.MaxLaneBytes = MiB;
        }, model, holdsRuns: false);

        Assert.Equal(capacity, harness.Batcher.Capacity);
        Assert.Equal(1, model.LanesOut);
        Assert.InRange(model.BytesOut, 1, MiB);
        await SendAsync(harness);
        Assert.InRange(model.LanesOut, 1, 3);
        Assert.InRange(model.BytesOut, 1, MiB);

        var made = model.LanesMade;
        if (model.LanesOut == 3) await SendAsync(harness);
        Assert.Equal(made, model.LanesMade);
    }

    [Fact]
    public async Task PredictAsync_ShapesWithoutEnd_KeepToTheMemoryAndAreBatchedAllTheSame()
    {
        await using var harness = new Harness(static options =>
        {
            options.MaxBatchSize = 64;
            options.MaxLaneBytes = MiB;
        }, new() { BytesPerNumber = 64 }, holdsRuns: false);
        long most = 0;
        harness.Model.OnRun = _ => most = Math.Max(most, harness.Model.BytesOut);

        for (var width = 1; width <= 200; width++)
            await Harness.Expect(harness.SendWide(width, width), width);

        Assert.InRange(most, 1, MiB);
        Assert.Equal(0, harness.Model.DirectCalls);
        Assert.InRange(harness.Batcher.Queues, 1, 64);
    }

    /// <summary>Once a free runner went round and round for as long as requests stood in line for a batch of another runner.</summary>
    [Fact]
    public async Task PredictAsync_AllBatchesRunAndOthersStandInLine_TheFreeRunnerRests()
    {
        await using var harness = new Harness(
            static options => options.MaxLaneBytes = MiB, new() { BytesPerNumber = MiB * 6L / 10 }, lanes: 2);
        var blocker = await harness.BlockAsync();
        var waiting = Enumerable.Range(1, 5).Select(id => harness.Send(id)).ToList();
        Assert.Equal(5, harness.Batcher.InLine);

        await Eventually.BecomesTrue(() => harness.Gate.CurrentRuns == 1, "the other runner has left");
        Assert.False(harness.Batcher.HasWork);

        harness.Model.HoldsRuns = false;
        blocker.Finish();
        for (var i = 0; i < waiting.Count; i++)
            await Harness.Expect(waiting[i], i + 1);
        harness.Settle();
    }

    [Fact]
    public async Task PredictAsync_RowIsLargerThanAllMemoryForLanes_GoesTheDirectWay()
    {
        await using var harness = new Harness(
            static options => options.MaxLaneBytes = MiB, new() { BytesPerNumber = MiB / 10 }, holdsRuns: false);

        (await harness.SendWide(1, 11)).Dispose();

        Assert.Equal(1, harness.Model.DirectCalls);
        await Harness.Expect(harness.SendWide(1, 9), 1);
    }

    [Fact]
    public async Task PredictAsync_ShapesFromManyThreads_AreAllAnsweredWhileQueuesComeAndGo()
    {
        await using var harness = new Harness(
            static options => options.MaxLaneBytes = MiB, new() { BytesPerNumber = 256 }, holdsRuns: false, lanes: 2);
        var callers = Enumerable.Range(0, 4).Select(caller => Task.Run(async () =>
        {
            var random = new Random(caller);
            for (var i = 0; i < 2000; i++)
            {
                var width = 1 + random.Next(150);
                using var answer = await harness.SendWide(width, width);
                if (answer.IsOk) Assert.Contains(answer[0].ToScalar<long>(), new long[] { width, -1 });
                else Assert.True(answer.Error.Code == PredictionErrorCode.QueueFull, $"{answer.Error} {answer.Error.Exception}");
            }
        })).ToList();

        await Task.WhenAll(callers);
        harness.Settle();
        Assert.InRange(harness.Model.BytesOut, 1, 2 * MiB);
    }

    [Fact]
    public async Task Build_SampleFails_BatchesAllTheSame()
    {
        await using var harness = new Harness(model: new() { SampleRequest = Answers.Request(-1) }, holdsRuns: false);

        await Harness.Expect(harness.Send(1), 1);
    }

    [Fact]
    public void Build_CalibrationThrows_GivesLanesBack()
    {
        var model = new FakeModel { SampleRequest = Answers.Request(1) };
        model.OnRun = _ => { if (model.Runs.Count > 5) throw new InvalidOperationException("boom"); };

        Assert.Throws<InvalidOperationException>(() => new PredictorBuilder(model).UseBatching().Build());

        Assert.Equal(0, model.LanesOut);
    }

    [Fact]
    public async Task Build_ClockStandsStill_LearnsNothingAndBatchesToTheFull()
    {
        await using var harness = new Harness(
            static options => options.Readiness = BatchReadiness.WhenCalibrated, new() { SampleRequest = Answers.Request(1) });
        var blocker = await harness.BlockAsync();
        var tasks = Enumerable.Range(0, 4).Select(id => harness.Send(id)).ToList();
        blocker.Finish();
        var run = await harness.Model.NextRunAsync();
        Assert.Equal(4, run.Rows.Length);
        run.Finish();
        await Task.WhenAll(tasks);
    }

    private static async Task SendAsync(Harness harness)
    {
        var tasks = Enumerable.Range(0, 500).Select(id => harness.Send(id)).ToList();
        for (var i = 0; i < tasks.Count; i++)
            await Harness.Expect(tasks[i], i);
    }
}
