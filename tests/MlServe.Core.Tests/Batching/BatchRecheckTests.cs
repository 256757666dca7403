using System.Diagnostics;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Logging;
using MlServe.Batching;
using MlServe.Caching;
using MlServe.Fakes;
using MlServe.Onnx;
using MlServe.Onnx.Probing;
using MlServe.Tensors;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Batching;

/// <summary>Batched rows that are run again alone: what is found out late is found out, and nobody waits for it.</summary>
public sealed class BatchRecheckTests
{
    [Fact]
    public async Task Recheck_RowsMix_StopsBatchingForGoodAndLosesNothing()
    {
        using var model = MixingModels.With(MixingModels.Mixing["less the mean"], "").Load(new() { BatchAxis = 0 });
        using var log = new LogList();
        using var meters = new FakeMeterFactory();
        using var checks = new MetricCollector<long>(meters, MlServeDiagnostics.MeterName, MlServeDiagnostics.BatchRechecksMetric);
        await using var batched = Build(new TrustingModel(model), log, meters);
        var statistics = batched.GetService<BatchStatistics>()!;

        // Any batch of several rows is found out; nothing is lost on the way.
        for (var round = 0; statistics.StoppedBecause is null && round < 10_000; round++)
        {
            foreach (var answer in await AskAsync(batched, 16))
                answer.Dispose();
        }

        Ask.Says(statistics.StoppedBecause!, "differs by", "BatchTolerance");

        // It is told last, on the thread that found it.
        await Eventually.BecomesTrue(
            () =>
                checks.GetMeasurementSnapshot()
                    .Any(static value => (string)value.Tags[MlServeDiagnostics.RecheckOutcomeTag]! == "different"), "a recheck is counted");
        var entry = Assert.Single(log.Entries, static entry => entry.Id.Id == 3001);
        Assert.Equal(LogLevel.Error, entry.Level);
        Ask.Says(entry.Text, "'default'", "batched no more", "differs by");
        Assert.Contains(
            checks.GetMeasurementSnapshot(), static value => (string)value.Tags[MlServeDiagnostics.RecheckOutcomeTag]! == "different");

        // Each alone is its own mean.
        for (var round = 0; round < 50; round++)
        {
            foreach (var answer in await AskAsync(batched, 16))
            {
                using (answer)
                    Assert.Equal([0, 0, 0, 0], answer.EnsureOk()[0].ToArray<float>());
            }
        }

        using var several = await batched.PredictAsync(
            PredictionInputs.Rows(Row(1).Concat(Row(2)).ToArray(), 2), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(new float[8], several.EnsureOk()[0].ToArray<float>());
        Assert.Single(log.Entries, static entry => entry.Id.Id == 3001);
    }

    [Fact]
    public async Task Recheck_RowsMix_KeptAnswersAreTrustedNoMore()
    {
        using var model = MixingModels.With(MixingModels.Mixing["less the mean"], "").Load(new() { BatchAxis = 0 });
        await using var cached = new PredictorBuilder(new TrustingModel(model)).UseCache()
            .UseBatching(Eager)
            .Build(new FakeServices(new RunGate(2)));
        for (var round = 0; cached.GetService<BatchStatistics>()!.StoppedBecause is null && round < 10_000; round++)
        {
            foreach (var answer in await AskAsync(cached, 16, first: round * 16))
                answer.Dispose();
        }

        Assert.False(cached.GetService<CacheStatistics>()!.IsOn);
        foreach (var answer in await AskAsync(cached, 16))
        {
            using (answer)
                Assert.Equal((PredictionSource.Model, 0f), (answer.Origin.Source, answer.EnsureOk()[0].ToArray<float>()[0]));
        }

        Assert.False(cached.GetService<IStaleAnswers>()!.TryGetStaleAnswer(PredictionInputs.Row(Row(1)), null, out _));
    }

    [Fact]
    public async Task Recheck_ModelKeepsState_IsToldFromRowsThatMix()
    {
        using var model = RowMeasurementTests.Training().Load(new() { BatchAxis = 0 });
        await using var batched = Build(new TrustingModel(model), new LogList(), new FakeMeterFactory());
        var statistics = batched.GetService<BatchStatistics>()!;
        for (var round = 0; statistics.StoppedBecause is null && round < 10_000; round++)
        {
            foreach (var answer in await AskAsync(batched, 16))
                answer.Dispose();
        }

        Ask.Says(statistics.StoppedBecause!, "not deterministic, or keeps state");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Recheck_RowsDoNotMix_GoesOnWhateverIsAskedFor(int axis)
    {
        // Two outputs of which callers want one or both, one row or several, more than a batch holds, rows on either axis.
        using var model = new TinyOnnx().Input("x", ElementType.Float, axis == 0 ? ["N", 4] : [4, "N"]).Weight("two", [2f])
            .Node("Mul", "x two", "y").Node("Neg", "x", "z")
            .Output("y", ElementType.Float, axis == 0 ? ["N", 4] : [4, "N"]).Output("z", ElementType.Float, axis == 0 ? ["N", 4] : [4, "N"])
            .Load();
        await using var batched = Build(model, new LogList(), new FakeMeterFactory());
        var statistics = batched.GetService<BatchStatistics>()!;
        for (var round = 0; statistics.Rechecks < 100 && round < 10_000; round++)
        {
            var asked = Enumerable.Range(0, 16).Select(async i =>
            {
                var rows = i == 3 ? 20 : (i % 3) + 1;
                var values = Enumerable.Range(0, rows * 4).Select(element => (float)(element + (100 * i))).ToArray();
                using var answer = await batched.PredictAsync(
                    PredictionInputs.Rows(PredictionInput.Tensor("x", values, axis == 0 ? [rows, 4] : [4, rows])),
                    i % 2 == 0 ? null : new() { Outputs = ["z"] });
                Assert.Equal(values.Select(static value => -value), answer.EnsureOk()["z"].ToArray<float>());
            }).ToList();
            await Task.WhenAll(asked);
        }

        Assert.True(statistics.Rechecks >= 100, $"{statistics.Rechecks}");
        Assert.Null(statistics.StoppedBecause);
    }

    [Fact]
    public async Task Recheck_RowsArePadded_ComparesWhatWasRun()
    {
        using var model = TinyModels.FreeLength().Load();
        await using var batched = new PredictorBuilder(model).UseBatching(static options =>
        {
            Eager(options);
            options.Padding.Axis = "T";
            options.Padding.Buckets = [8];
        }).Build(new FakeServices(new RunGate(2)));
        var statistics = batched.GetService<BatchStatistics>()!;
        for (var round = 0; statistics.Rechecks < 50 && round < 10_000; round++)
        {
            await Task.WhenAll(Enumerable.Range(1, 8).Select(async length =>
            {
                using var answer = await batched.PredictAsync(PredictionInputs.Row(PredictionInput.Tensor(
                    "x", Enumerable.Repeat((float)length, length).ToArray(), [length])));
                Assert.Equal(Enumerable.Repeat((2f * length) + 1, length), answer.EnsureOk()[0].ToArray<float>());
            }));
        }

        Assert.True(statistics.Rechecks >= 50, $"{statistics.Rechecks}");
        Assert.Null(statistics.StoppedBecause);
    }

    [Fact]
    public async Task Recheck_RequestsWait_GoFirst()
    {
        await using var harness = new Harness(static options => options.RecheckRate = 1);
        var blocker = await harness.BlockAsync();
        Task<Prediction>[] batch = [harness.Send(1), harness.Send(2), harness.Send(3), harness.Send(4)];
        blocker.Finish();
        var run = await harness.Model.NextRunAsync();
        Assert.Equal([1, 2, 3, 4], run.Rows);

        // Somebody waits when the row is taken: it is not run before that one, and it is run when there is nothing else.
        var next = harness.Send(5);
        run.Finish();
        var waiting = await harness.Model.NextRunAsync();
        Assert.Equal([5], waiting.Rows);
        foreach (var answer in batch)
            (await answer).Dispose();
        waiting.Finish();
        (await next).Dispose();
        var check = await harness.Model.NextRunAsync();
        Assert.InRange(Assert.Single(check.Rows), 1, 4);
        check.Finish();
        await Eventually.BecomesTrue(() => harness.Statistics.Rechecks == 1, "the row was compared");
        Assert.Null(harness.Statistics.StoppedBecause);
    }

    [Fact]
    public async Task Dispose_RowIsBeingRunAgain_CutsItOffAndWaitsForIt()
    {
        var harness = new Harness(static options => options.RecheckRate = 1);
        var blocker = await harness.BlockAsync();
        Task<Prediction>[] batch = [harness.Send(1), harness.Send(2)];
        blocker.Finish();
        (await harness.Model.NextRunAsync()).Finish();
        foreach (var answer in batch)
            (await answer).Dispose();
        var check = await harness.Model.NextRunAsync();

        var closing = harness.Pipeline.DisposeAsync().AsTask();
        await Eventually.BecomesTrue(() => check.CancellationToken.IsCancellationRequested, "the run is cut off");
        Assert.False(closing.IsCompleted);
        check.Finish();
        await closing;
        Assert.Equal(0, harness.Model.LanesOut);
    }

    [Fact]
    public async Task Recheck_LaneThrowsWhenItIsReturned_GoesOnChecking()
    {
        await using var harness = new Harness(static options => options.RecheckRate = 1, holdsRuns: false);
        await Harness.Expect(harness.Send(1), 1);
        harness.Model.OnReturn = static () => throw new InvalidOperationException("boom");

        // A busy machine puts checks off for as long as it likes.
        var patience = Stopwatch.StartNew();
        while (harness.Statistics.Rechecks < 3 && patience.Elapsed < TimeSpan.FromMinutes(2))
        {
            foreach (var answer in (Task<Prediction>[])[harness.SendRows([1, 2]), harness.SendRows([3, 4])])
                (await answer).EnsureOk().Dispose();
        }

        Assert.True(harness.Statistics.Rechecks >= 3, $"{harness.Statistics.Rechecks}");
        Assert.Null(harness.Statistics.StoppedBecause);
    }

    [Fact]
    public async Task Recheck_RateIsZero_RunsNothingAgain()
    {
        using var model = MixingModels.With(MixingModels.Mixing["less the mean"], "").Load(new() { BatchAxis = 0 });
        await using var batched = new PredictorBuilder(new TrustingModel(model)).UseBatching(static options => options.RecheckRate = 0)
            .Build(new FakeServices(new RunGate(2)));
        for (var round = 0; round < 100; round++)
        {
            foreach (var answer in await AskAsync(batched, 16))
                answer.Dispose();
        }

        Assert.Equal(0, batched.GetService<BatchStatistics>()!.Rechecks);
    }

    private static IPredictor Build(IPredictor model, LogList log, FakeMeterFactory meters) =>
        new PredictorBuilder(model).UseBatching(Eager).Build(new FakeServices(new RunGate(2), log, meters));

    private static void Eager(BatchingOptions options)
    {
        options.RecheckRate = 1;
        options.RunMode = RunMode.Queued;
        options.MaxBatchSize = 16;
    }

    private static async Task<Prediction[]> AskAsync(IPredictor predictor, int callers, int first = 0) =>
        await Task.WhenAll(Enumerable.Range(first, callers)
            .Select(i =>
                predictor.PredictAsync(PredictionInputs.Row(Row(i)), cancellationToken: TestContext.Current.CancellationToken).AsTask()));

    private static float[] Row(int i) => [i, 2 * i, 3 - i, 1];
}
