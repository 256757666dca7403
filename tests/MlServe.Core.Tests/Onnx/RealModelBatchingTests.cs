using Microsoft.ML.OnnxRuntime;
using MlServe.Batching;
using MlServe.Fakes;
using MlServe.Tensors;
using MlServe.Tests.Fakes;

namespace MlServe.Onnx;

/// <summary>What is told of the rows of real models without a hint, and what is made of it.</summary>
public sealed class RealModelBatchingTests(ITestOutputHelper output)
{
    private const double LeastProved = 0.7;

    /// <summary>Models with a free axis that are not proved by themselves.</summary>
    private static readonly Dictionary<string, RowEvidence> NotProved = new()
    {
        // A squeeze that may or may not drop an axis: measured.
        ["stateful/silero_vad.onnx"] = RowEvidence.Measured,

        // The scale of its integers is taken over the batch.
        ["quant-pairs/mnist5x5_int8_dyn.onnx"] = RowEvidence.Dependent,

        // What its file calls "batch" are its tokens. It is batchable along the other axis, if that is stated.
        ["text/vespa_dummy_transformer.onnx"] = RowEvidence.Dependent,
    };

    [Fact]
    public void Load_ModelsAsTheyAre_ProvesMostOfThoseThatCanBeBatched()
    {
        var folder = SharedData.PathOf("models");
        var (batchable, proved, fixedSizes) = (0, 0, 0);
        foreach (var path in Directory.GetFiles(folder, "*.onnx", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var name = Path.GetRelativePath(folder, path).Replace('\\', '/');
            using var model = Ask.Load(ModelSource.FromFile(path), new() { WarmUpRuns = 0 });
            var evidence = model.GetService<OnnxModelDescription>()!.RowEvidence;
            if (model.Signature.Inputs.Where(static input => !input.IsOptional)
                .All(static input => input.Shape.All(static size => !size.IsFree)))
            {
                Assert.Equal((name, RowEvidence.None), (name, evidence));
                fixedSizes++;
                continue;
            }

            Assert.Equal((name, NotProved.GetValueOrDefault(name, RowEvidence.Proved)), (name, evidence));
            if (name != "quant-pairs/mnist5x5_int8_dyn.onnx") batchable++;
            if (evidence == RowEvidence.Proved) proved++;
        }

        output.WriteLine(
            $"{proved} of {batchable} models that can be batched are proved without a hint; {fixedSizes} more have fixed sizes.");
        Assert.True(
            proved >= LeastProved * batchable, $"Only {proved} of {batchable} models that can be batched are proved without a hint.");
    }

    /// <summary>
    /// Models that once mixed callers, or broke otherwise: behind the batcher each row is answered as the runtime alone answers it.
    /// </summary>
    [Theory]
    [InlineData("2-small-outputs.onnx", false)]
    [InlineData("2-one-sample.onnx", false)]
    [InlineData("3-model.onnx", true)]
    [InlineData("4-mlp.onnx", true)]
    [InlineData("4-pool.onnx", true)]
    [InlineData("7-model.onnx", true)]
    [InlineData("12-dead.onnx", true)]
    [InlineData("12-nan.onnx", true)]
    public async Task PredictManyAsync_ModelOfOthersBehindTheBatcher_AnswersAsTheRuntimeAlone(string name, bool isBatched)
    {
        const int Requests = 16;
        var bytes = await File.ReadAllBytesAsync(SharedData.PathOf($"regressions/{name}"), TestContext.Current.CancellationToken);
        var options = new OnnxModelOptions();
        using var session = new InferenceSession(bytes);
        long[] shape = [1, .. session.InputMetadata["x"].Dimensions.Skip(1).Select(static size => (long)size)];
        var random = new Random(1);
        float[][] rows = [.. Enumerable.Range(0, Requests)
            .Select(_ =>
                Enumerable.Range(0, (int)shape.Aggregate(static (a, b) => a * b)).Select(_ => 8 * (random.NextSingle() - 0.5f)).ToArray())];

        // A sample of the user's is no company for itself.
        if (name == "2-one-sample.onnx") options.SampleInputs.Add(PredictionInputs.Rows(PredictionInput.Tensor("x", rows[0], shape)));
        var model = await OnnxPredictor.LoadAsync(ModelSource.FromBytes(bytes), options, null, TestContext.Current.CancellationToken);
        Assert.Equal(isBatched, model.Signature is { IsBatchable: true, RowsAreIndependent: true });
        if (!isBatched) Ask.Says(model.Signature.BatchingNote, "ReduceMean", "goes over the axis of the rows");

        await using var batched = new PredictorBuilder(_ => model)
            .UseBatching(static batching => (batching.MaxBatchSize, batching.RunMode, batching.Readiness) =
                (8, RunMode.Queued, BatchReadiness.WhenCalibrated))
            .Build(new FakeServices(new RunGate(1)));
        using var answers = await batched.PredictManyAsync(
            [.. rows.Select(row => PredictionInputs.Rows(PredictionInput.Tensor("x", row, shape)))], null,
            TestContext.Current.CancellationToken);
        for (var i = 0; i < Requests; i++)
        {
            using var input = OrtValue.CreateTensorValueFromMemory(rows[i], shape);
            using var runOptions = new RunOptions();
            using var expected = session.Run(runOptions, ["x"], [input], session.OutputNames);
            for (var o = 0; o < expected.Count; o++)
            {
                var (own, given) = (expected[o].GetTensorDataAsSpan<float>().ToArray(), answers[i].EnsureOk()[o].ToArray<float>());
                Assert.Equal(own.Length, given.Length);
                var largest = own.Where(float.IsFinite).Select(Math.Abs).DefaultIfEmpty(0).Max();
                for (var at = 0; at < own.Length; at++)
                    Assert.True(
                        own[at].Equals(given[at]) || Math.Abs(own[at] - given[at]) <= 1e-5f * largest,
                        $"Row {i}, output {o}: {given[at]}, and {own[at]} alone.");
            }
        }

        Assert.Equal(isBatched, Enumerable.Range(0, Requests).Any(i => answers[i].Origin.BatchRows > 1));
    }

    [Fact]
    public async Task Load_ModelOfOthersInTrainingMode_IsNeitherBatchedNorCached()
    {
        using var log = new LogList();
        using var model = Ask.Load(
            ModelSource.FromFile(SharedData.PathOf("regressions/10-model.onnx")), context: new() { LoggerFactory = log });
        Assert.True(model.Signature is { IsBatchable: false, AnswersAreRepeatable: false }, model.Signature.BatchingNote);
        Ask.Says(model.Signature.BatchingNote, "not deterministic, or keeps state", "BatchNormalization");
        Assert.Single(log.Entries, static entry => entry.Id.Id == 2021);
        await using var cached = new PredictorBuilder(model).UseCache().UseBatching().Build(new FakeServices(new RunGate(1), log));
        Assert.False(cached.GetService<MlServe.Caching.CacheStatistics>()!.IsOn);
    }

    [Fact]
    public void Load_ModelOfOthersThatAFusionBreaks_IsServedWithLessOptimizationAndSaid()
    {
        using var log = new LogList();
        using var model = Ask.Load(
            ModelSource.FromFile(SharedData.PathOf("regressions/9-model.onnx")), context: new() { LoggerFactory = log });
        var description = model.GetService<OnnxModelDescription>()!;
        Assert.Equal(GraphOptimization.Basic, description.Optimization);
        Assert.Single(
            log.Entries, entry => entry.Id.Id == 2022 && entry.Text.Contains(description.WarmUpFailure!, StringComparison.Ordinal));
        using var answer = Ask.The(model, PredictionInputs.Rows(PredictionInput.Tensor("x", [3f], [1, 1])));
        Assert.Equal(2, answer.EnsureOk()[0].Length);
    }
}
