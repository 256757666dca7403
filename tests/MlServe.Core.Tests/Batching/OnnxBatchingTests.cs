using MlServe.Batching;
using MlServe.Onnx;
using MlServe.TestModels;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Batching;

/// <summary>Real models through the real runtime.</summary>
public sealed class OnnxBatchingTests
{
    private const int Entries = 4096;

    public static TheoryData<int> Positions() => [.. Enumerable.Range(0, 64)];

    [Theory]
    [MemberData(nameof(Positions))]
    public async Task PredictAsync_OneRowOf64Fails_63AreAnsweredAndOneHearsItsOwnError(int culprit) => await AssertIsolatesAsync([culprit]);

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 63)]
    [InlineData(31, 32)]
    [InlineData(5, 40)]
    public async Task PredictAsync_TwoRowsFail_TheOthersAreAnswered(int first, int second) => await AssertIsolatesAsync([first, second]);

    [Fact]
    public async Task PredictAsync_AllRowsFail_EachHearsItsOwnError() => await AssertIsolatesAsync([.. Enumerable.Range(0, 64)]);

    [Fact]
    public async Task PredictAsync_ManyCallers_EachGetsTheAnswerOfItsOwnRowAlone()
    {
        var bytes = OnnxModel.Mlp(3, 4, 16, 3);
        await using var alone = await LoadAsync(bytes);
        await using var model = await LoadAsync(bytes);
        await using var batched = new PredictorBuilder(model).UseBatching(static options => options.Readiness = BatchReadiness.WhenCalibrated).Build(new FakeServices(new RunGate(2)));
        var callers = Enumerable.Range(0, 64).Select(caller => Task.Run(async () =>
        {
            var random = new Random(caller);
            var row = new float[4];
            for (var i = 0; i < 100; i++)
            {
                foreach (ref var value in row.AsSpan())
                    value = random.NextSingle();
                using var expected = await alone.PredictAsync(PredictionInputs.Row(row));
                using var actual = await batched.PredictAsync(PredictionInputs.Row(row));
                Assert.Equal(
                    expected["y"].ToArray<float>(), actual["y"].ToArray<float>(), static (left, right) => MathF.Abs(left - right) < 1e-5f);
            }
        })).ToList();

        await Task.WhenAll(callers);
        Assert.Equal(6400, batched.GetService<BatchStatistics>()!.Requests);
    }

    [Fact]
    public async Task PredictAsync_MoreRowsThanABatch_AreJoinedAsOneRunWouldAnswer()
    {
        var bytes = OnnxModel.Mlp(3, 4, 16, 3);
        await using var alone = await LoadAsync(bytes);
        await using var model = await LoadAsync(bytes);
        await using var batched = new PredictorBuilder(model).UseBatching(static options => (options.MaxBatchSize, options.Readiness) = (16, BatchReadiness.WhenCalibrated))
            .Build(new FakeServices(TimeProvider.System));
        var random = new Random(5);
        var rows = new float[4 * 100];
        foreach (ref var value in rows.AsSpan())
            value = random.NextSingle();

        using var expected = await alone.PredictAsync(PredictionInputs.Rows(rows, 100));
        using var actual = await batched.PredictAsync(PredictionInputs.Rows(rows, 100));

        Assert.Equal([100, 3], actual["y"].Shape.ToArray());
        Assert.Equal(expected["y"].ToArray<float>(), actual["y"].ToArray<float>(), static (left, right) => MathF.Abs(left - right) < 1e-5f);
    }

    [Fact]
    public async Task PredictAsync_SharedInputDiffers_RowsAreAnsweredWithTheirOwn()
    {
        var bytes = new OnnxModel().Input("x", OnnxModel.Float, "batch", 2).Input("scale", OnnxModel.Float)
            .Output("y", OnnxModel.Float, "batch", 2)
            .Node("Mul", ["x", "scale"], ["y"]).ToBytes();
        await using var model = await LoadAsync(bytes);
        Assert.Null(model.Signature.Inputs[1].BatchAxis);
        await using var batched = new PredictorBuilder(model).UseBatching(static options => options.Readiness = BatchReadiness.WhenCalibrated).Build(new FakeServices(new RunGate(2)));

        var tasks = Enumerable.Range(0, 500).Select(i => batched.PredictAsync(PredictionInputs.Row(
            PredictionInput.Tensor("x", new float[] { i, -i }), PredictionInput.Scalar("scale", (float)(i % 3)))).AsTask()).ToList();

        for (var i = 0; i < tasks.Count; i++)
        {
            using var answer = await tasks[i];
            Assert.Equal([(float)i * (i % 3), (float)-i * (i % 3)], answer["y"].ToArray<float>());
        }
    }

    [Fact]
    public async Task PredictAsync_OutputsAskedForByName_DifferWithinABatch()
    {
        var bytes = new OnnxModel().Input("x", OnnxModel.Float, "batch", 1).Output("same", OnnxModel.Float, "batch", 1)
            .Output("minus", OnnxModel.Float, "batch", 1)
            .Node("Identity", ["x"], ["same"]).Node("Neg", ["x"], ["minus"]).ToBytes();
        await using var model = await LoadAsync(bytes);
        await using var batched = new PredictorBuilder(model).UseBatching(static options => options.Readiness = BatchReadiness.WhenCalibrated).Build(new FakeServices(new RunGate(2)));
        PredictionOptions?[] options = [null, new() { Outputs = ["same"] }, new() { Outputs = ["minus"] }];

        var tasks = Enumerable.Range(0, 600)
            .Select(i => batched.PredictAsync(PredictionInputs.Row(new[] { (float)i }), options[i % 3]).AsTask()).ToList();

        for (var i = 0; i < tasks.Count; i++)
        {
            using var answer = await tasks[i];
            Assert.Equal(i % 3 == 0 ? 2 : 1, answer.Count);
            if (i % 3 != 2) Assert.Equal(i, answer["same"].ToScalar<float>());
            if (i % 3 != 1) Assert.Equal(-i, answer["minus"].ToScalar<float>());
        }
    }

    [Fact]
    public async Task PredictAsync_RowsOfManyLengths_BatchByShape()
    {
        var bytes = new OnnxModel().Input("x", OnnxModel.Float, "batch", "length").Output("y", OnnxModel.Float, "batch", "length")
            .Node("Neg", ["x"], ["y"]).ToBytes();
        await using var model = await LoadAsync(bytes);
        await using var batched = new PredictorBuilder(model).UseBatching(static options => options.Readiness = BatchReadiness.WhenCalibrated).Build(new FakeServices(new RunGate(2)));

        var tasks = Enumerable.Range(0, 1000).Select(i => (i, Task: batched.PredictAsync(PredictionInputs.Row(
            PredictionInput.Tensor("x", Enumerable.Repeat((float)i, 1 + (i % 100)).ToArray()))).AsTask())).ToList();

        foreach (var (i, task) in tasks)
        {
            using var answer = await task;
            Assert.Equal(Enumerable.Repeat(-(float)i, 1 + (i % 100)), answer["y"].ToArray<float>());
        }
    }

    [Fact]
    public async Task PredictAsync_FiveModelsWithTwoLanesEach_ShareTwoCores()
    {
        var gate = new RunGate(2);
        var most = 0;
        var models = new List<(OnnxPredictor Alone, OnnxPredictor Model, IPredictor Batched)>();
        for (var i = 0; i < 5; i++)
        {
            var bytes = OnnxModel.Mlp(i, 4, 32, 2);
            var model = await LoadAsync(bytes);
            models.Add((await LoadAsync(bytes), model,
                new PredictorBuilder(model).UseBatching(static options => (options.Lanes, options.Readiness) = (2, BatchReadiness.WhenCalibrated)).Build(new FakeServices(gate))));
        }

        var callers = Enumerable.Range(0, 50).Select(caller => Task.Run(async () =>
        {
            var (alone, _, batched) = models[caller % 5];
            var row = new float[] { caller, 1, 2, 3 };
            using var expected = await alone.PredictAsync(PredictionInputs.Row(row));
            for (var i = 0; i < 100; i++)
            {
                most = Math.Max(most, gate.CurrentRuns);
                using var actual = await batched.PredictAsync(PredictionInputs.Row(row));
                Assert.Equal(
                    expected["y"].ToArray<float>(), actual["y"].ToArray<float>(), static (left, right) => MathF.Abs(left - right) < 1e-4f);
            }
        })).ToList();
        await Task.WhenAll(callers);

        Assert.InRange(most, 0, 2);
        foreach (var (alone, model, batched) in models)
        {
            await batched.DisposeAsync();
            await model.DisposeAsync();
            await alone.DisposeAsync();
        }

        Assert.Equal(0, gate.CurrentRuns);
        Assert.Equal(0, gate.CurrentWaiters);
    }

    [Fact]
    public async Task DisposeAsync_VersionsAreSwappedUnderLoad_EveryRequestIsAnsweredByOneOfThem()
    {
        var current = await MakeAsync(0);
        var (stop, answered) = (false, 0);
        var callers = Enumerable.Range(0, 8).Select(caller => Task.Run(async () =>
        {
            while (!Volatile.Read(ref stop))
            {
                try
                {
                    using var answer = await Volatile.Read(ref current).PredictAsync(PredictionInputs.Row(new long[] { caller }));
                    Assert.True(answer.IsOk);
                    Assert.Equal(caller, answer["y"].ToScalar<float>() % 1000);
                    Interlocked.Increment(ref answered);
                }
                catch (ObjectDisposedException)
                {
                    // The version went away between the look and the call: the router of a later layer holds a lease, this test asks again.
                }
            }
        })).ToList();

        for (var version = 1; version <= 10; version++)
        {
            var before = Volatile.Read(ref answered);
            await Eventually.BecomesTrue(
                () => Volatile.Read(ref answered) > before + 8 || callers.Exists(static caller => caller.IsCompleted),
                "the version answers");
            var next = await MakeAsync(version);
            var old = Interlocked.Exchange(ref current, next);
            if (version % 2 == 0) await old.DisposeAsync();
            else old.Dispose();
        }

        Volatile.Write(ref stop, true);
        await Task.WhenAll(callers);
        await current.DisposeAsync();

        static async Task<IPredictor> MakeAsync(int version)
        {
            var model = await LoadAsync(Gather(version * 1000));
            return new PredictorBuilder(_ => model).UseBatching(static options => (options.MaxBatchSize, options.RecheckRate, options.Readiness) = (8, 1, BatchReadiness.WhenCalibrated))
                .Build(new FakeServices(new RunGate(2)));
        }
    }

    private static async Task AssertIsolatesAsync(int[] culprits)
    {
        await using var model = await LoadAsync(Gather(0));
        var gate = new RunGate(1);
        await using var batched = new PredictorBuilder(model).UseBatching(static options => (options.RunMode, options.Readiness) = (RunMode.Queued, BatchReadiness.WhenCalibrated))
            .Build(new FakeServices(gate, new Microsoft.Extensions.Time.Testing.FakeTimeProvider()));
        await using var blocking = new Harness(gate: gate);
        var blocker = await blocking.BlockAsync();

        var ids = Enumerable.Range(100, 64).Select((id, i) => culprits.Contains(i) ? Entries + id : (long)id).ToArray();
        var tasks = ids.Select(id => batched.PredictAsync(PredictionInputs.Row(new[] { id })).AsTask()).ToList();
        blocker.Finish();

        for (var i = 0; i < 64; i++)
        {
            using var answer = await tasks[i];
            if (culprits.Contains(i))
            {
                Assert.Equal(PredictionStatus.Invalid, answer.Status);
                Assert.Equal(PredictionErrorCode.RejectedByRuntime, answer.Error.Code);
                Assert.Contains($"idx={ids[i]}", answer.Error.Message, StringComparison.Ordinal);
            }
            else
            {
                Assert.True(answer.IsOk, answer.IsOk ? "" : answer.Error.Message);
                Assert.Equal(ids[i], answer["y"].ToScalar<float>());
            }
        }

        Assert.Equal(1, batched.GetService<BatchStatistics>()!.Runs);
    }

    /// <summary>Looks rows up in a table of <see cref="Entries"/>; the runtime fails for an index beyond it.</summary>
    private static byte[] Gather(int offset) =>
        new OnnxModel().Input("x", OnnxModel.Int64, "batch", 1).Output("y", OnnxModel.Float, "batch", 1)
            .Initializer("table", [.. Enumerable.Range(offset, Entries).Select(static value => (float)value)], Entries)
            .Node("Gather", ["table", "x"], ["y"]).ToBytes();

    private static async Task<OnnxPredictor> LoadAsync(byte[] bytes) => await OnnxPredictor.LoadAsync(ModelSource.FromBytes(bytes));
}
