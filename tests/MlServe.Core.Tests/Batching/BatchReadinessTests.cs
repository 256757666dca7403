using Microsoft.Extensions.Time.Testing;
using MlServe.Batching;
using MlServe.Onnx;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Batching;

/// <summary>A model is ready with one row, and larger batches are measured when requests come together.</summary>
public sealed class BatchReadinessTests
{
    private const int Callers = 64;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Build_WhenServable_RunsRowsAloneAndKeepsLanesOfOneRow()
    {
        var model = new FakeModel { SampleRequest = Answers.Request(1) };
        await using var predictor = new PredictorBuilder(model).UseBatching().Build(new FakeServices(new RunGate(1)));

        Assert.All(model.Runs, static rows => Assert.Single(rows));
        var cost = Assert.Single(predictor.GetService<BatchStatistics>()!.Costs);
        Assert.Equal(1, cost.Limit);
    }

    [Fact]
    public async Task Build_WhenCalibrated_MeasuresSizesUpToTheLargest()
    {
        // By a clock that runs take time of: what the machine does meanwhile says nothing of a size.
        var clock = new FakeTimeProvider();
        var model = new FakeModel { SampleRequest = Answers.Request(1), OnRun = _ => clock.Advance(TimeSpan.FromMilliseconds(1)) };
        await using var predictor = new PredictorBuilder(model)
            .UseBatching(static options => options.Readiness = BatchReadiness.WhenCalibrated)
            .Build(new FakeServices(new RunGate(1), clock));

        Assert.Equal([1, 4, 16, 64], model.Runs.Select(static rows => rows.Length).Distinct());
    }

    /// <summary>One after the other never asks for more: a model with such callers has no memory for 64 rows.</summary>
    [Theory]
    [InlineData(RunMode.Auto)]
    [InlineData(RunMode.Queued)]
    [InlineData(RunMode.Inline)]
    public async Task PredictAsync_OneCaller_NothingIsMeasured(RunMode mode)
    {
        await using var model = TinyModels.Affine().Load();
        await using var predictor = new PredictorBuilder(model).UseBatching(options => options.RunMode = mode)
            .Build(new FakeServices(new RunGate(2)));

        for (var i = 0; i < 2000; i++)
            await AskAsync(predictor, i);

        Assert.Equal(1, Assert.Single(predictor.GetService<BatchStatistics>()!.Costs).Limit);
    }

    [Theory]
    [InlineData(RunMode.Auto)]
    [InlineData(RunMode.Queued)]
    [InlineData(RunMode.Inline)]
    public async Task PredictAsync_ManyCallers_BatchesGrowAndEachAnswerIsItsOwn(RunMode mode)
    {
        await using var model = TinyModels.Affine().Load();
        await using var predictor = new PredictorBuilder(model).UseBatching(options => options.RunMode = mode)
            .Build(new FakeServices(new RunGate(2)));

        // Until they have grown: whatever the machine does meanwhile, nobody waits for a clock.
        while (Assert.Single(predictor.GetService<BatchStatistics>()!.Costs).Limit < 16)
            await CrowdAsync(predictor);

        await CrowdAsync(predictor);
    }

    /// <summary>A request of many rows runs as it was sent, until as many rows are known to pay.</summary>
    [Fact]
    public async Task PredictAsync_ManyRowsAtFirst_RunTogetherAsTheyWereSent()
    {
        await using var model = TinyModels.Affine().Load();
        await using var predictor = new PredictorBuilder(model).UseBatching().Build(new FakeServices(new RunGate(2)));

        using var answer = await predictor.PredictAsync(PredictionInputs.Rows(new float[4 * 32], 32), null, Token);

        Assert.Equal(32, answer.EnsureOk().Origin.BatchRows);
    }

    /// <summary>Disposed at any moment of what is measured, it answers all that it took and gives every lane back.</summary>
    [Fact]
    public async Task DisposeAsync_WhileSizesAreMeasured_AnswersAllAndGivesLanesBack()
    {
        for (var round = 0; round < 40; round++)
        {
            var model = new FakeModel { SampleRequest = Answers.Request(1) };
            var predictor = new PredictorBuilder(model).UseBatching(static options => options.RunMode = RunMode.Queued)
                .Build(new FakeServices(new RunGate(2)));
            Task<Prediction>[] pending =
                [.. Enumerable.Range(0, 8 + round).Select(id => predictor.PredictAsync(Answers.Request(id + 1), null, Token).AsTask())];
            if (round % 3 != 0) await pending[round % pending.Length];
            await predictor.DisposeAsync();

            foreach (var answer in await Task.WhenAll(pending))
                answer.EnsureOk().Dispose();
            Assert.Equal(0, model.LanesOut);
        }
    }

    /// <summary>A size that fails when it is measured is not used, and costs no caller its answer.</summary>
    [Fact]
    public async Task PredictAsync_LargerSizesFail_RowsGoOnAlone()
    {
        var model = new FakeModel { SampleRequest = Answers.Request(1) };
        model.OnRun = static rows =>
        {
            if (rows.Length > 1) throw new InvalidOperationException("Too large.");
        };
        await using var predictor = new PredictorBuilder(model).UseBatching(static options => options.RunMode = RunMode.Queued)
            .Build(new FakeServices(new RunGate(2)));

        for (var round = 0; round < 20; round++)
        {
            var answers = await Task.WhenAll(
                Enumerable.Range(1, Callers).Select(id => predictor.PredictAsync(Answers.Request(id), null, Token).AsTask()));
            foreach (var answer in answers)
                answer.EnsureOk().Dispose();
        }

        Assert.Equal(1, Assert.Single(predictor.GetService<BatchStatistics>()!.Costs).Limit);
    }

    private static Task CrowdAsync(IPredictor predictor) => Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
    {
        for (var i = 0; i < 50; i++)
            await AskAsync(predictor, (caller * 100) + i);
    }, Token)));

    private static async Task AskAsync(IPredictor predictor, int value)
    {
        using var answer = await predictor.PredictAsync(PredictionInputs.Row(new float[] { value, value, value, value }), null, Token);
        Assert.Equal((2f * value) + 1, answer.EnsureOk()["y"].AsSpan<float>()[0]);
    }
}
