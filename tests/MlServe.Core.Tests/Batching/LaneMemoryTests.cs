using MlServe.Batching;
using MlServe.Onnx;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Batching;

/// <summary>
/// The lanes of the batcher and of the direct path keep to one bound, whatever shapes come, in whatever number, with outputs of whatever
/// size.
/// </summary>
public sealed class LaneMemoryTests
{
    private const long MiB = 1 << 20;
    private const int Shapes = 144;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1, 1, 8)]
    [InlineData(8, 1, 8)]
    [InlineData(1, 64, 8)]
    [InlineData(8, 7, 8)]
    [InlineData(8, 64, 256)]
    public async Task PredictAsync_ManyShapes_KeepToTheBound(int tiles, int rows, int boundInMiB)
    {
        await using var setting = new Setting(tiles, boundInMiB * MiB);
        for (var round = 0; round < 3; round++)
        {
            for (var shape = 1; shape <= Shapes; shape++)
            {
                await setting.AskAsync(setting.Batched, 16 * shape, rows);
                Assert.InRange(setting.Executor.LaneBytes, 0, boundInMiB * MiB);
            }
        }
    }

    [Fact]
    public async Task PredictAsync_ManyShapesAtOnceOnBothPaths_KeepToTheBound()
    {
        await using var setting = new Setting(4, 4 * MiB);
        var isOver = false;
        long most = 0;
        var watch = Task.Run(async () =>
        {
            while (!Volatile.Read(ref isOver))
            {
                most = Math.Max(most, setting.Executor.LaneBytes);
                await Task.Yield();
            }
        });
        var callers = Enumerable.Range(0, 8).Select(caller => Task.Run(async () =>
        {
            var random = new Random(caller);
            for (var i = 0; i < 200; i++)
                await setting.AskAsync(
                    caller % 4 == 0 ? setting.Model : setting.Batched, 16 * random.Next(1, Shapes + 1), random.Next(1, 5));
        })).ToList();
        await Task.WhenAll(callers);
        Volatile.Write(ref isOver, true);
        await watch;

        // A request that runs on the direct path has its own rows in a lane, whether there is room or not: two at once, of up to 8 rows.
        Assert.InRange(most, 1, (4 * MiB) + (2 * 8 * 16 * Shapes * sizeof(float)));
        Assert.InRange(setting.Executor.LaneBytes, 0, 4 * MiB);
    }

    [Fact]
    public async Task PredictAsync_OutputsBeyondTheBound_AreRightAllTheSame()
    {
        await using var setting = new Setting(512, MiB);
        for (var i = 0; i < 8; i++)
        {
            await setting.AskAsync(setting.Batched, 4096, 1);
            Assert.InRange(setting.Executor.LaneBytes, 0, MiB);
        }
    }

    [Fact]
    public async Task PredictAsync_ShapeComesOften_ItsLanesGrow()
    {
        // A 64th of the memory for each shape: of 1,024 bytes a row five rows in each of three lanes.
        await using var harness = new Harness(
            static options =>
            {
                options.MaxBatchSize = 64;
                options.MaxLaneBytes = MiB;
            },
            new() { BytesPerNumber = 1024 }, holdsRuns: false);
        await Harness.Expect(harness.Send(1), 1);
        var rare = harness.Model.BytesOut;
        Assert.InRange(rare, 1, MiB / 32);

        for (var round = 0; round < 20; round++)
        {
            harness.Model.HoldsRuns = true;
            var blocker = await harness.BlockAsync();
            var tasks = Enumerable.Range(1, 200).Select(id => harness.Send(id)).ToList();
            harness.Model.LetRunsGo();
            for (var i = 0; i < tasks.Count; i++)
                await Harness.Expect(tasks[i], i + 1);
        }

        Assert.Equal(64, harness.Model.Runs.Max(static run => run.Length));
        Assert.InRange(harness.Model.BytesOut, rare, MiB);
    }

    [Fact]
    public async Task PredictAsync_FirstRequestOfAShapeIsLarge_IsNotCutIntoPieces()
    {
        await using var harness = new Harness(
            static options =>
            {
                options.MaxBatchSize = 64;
                options.MaxLaneBytes = MiB;
            },
            new() { BytesPerNumber = 1024 }, holdsRuns: false);
        await Harness.Expect(harness.Send(1), 1);
        var rows = Enumerable.Range(0, 40).Select(static id => (long)id).ToArray();
        using var answer = await harness.Pipeline.PredictAsync(
            PredictionInputs.Rows(Enumerable.Range(0, 80).Select(static i => i / 2L).ToArray(), 40), null, Token);
        Assert.Equal(rows, answer.EnsureOk()[0].ToArray<long>());
        Assert.Equal([1, 40], harness.Model.Runs.Select(static run => run.Length));
    }

    [Fact]
    public async Task Trim_MemoryIsShort_ShapesThatNoLongerComeLetGo()
    {
        await using var setting = new Setting(1, 64 * MiB);
        for (var shape = 1; shape <= 40; shape++)
        {
            await setting.AskAsync(setting.Batched, 16 * shape, 4);
            await setting.AskAsync(setting.Model, 16 * shape, 4);
        }

        var before = setting.Executor.LaneBytes;
        setting.Trim();
        for (var i = 0; i < 3; i++)
            await setting.AskAsync(setting.Batched, 16, 4);
        setting.Trim();
        setting.Trim();
        Assert.InRange(setting.Executor.LaneBytes, 0, before / 4);
        await setting.AskAsync(setting.Batched, 640, 4);
    }

    /// <summary>y is x as many times beside itself, for rows of any length.</summary>
    private sealed class Setting : IAsyncDisposable
    {
        private readonly int _tiles;

        public Setting(int tiles, long maxLaneBytes)
        {
            _tiles = tiles;
            var gate = new RunGate(2);
            Model = new TinyOnnx().Input("x", Tensors.ElementType.Float, "N", "T").Weight("times", new long[] { 1, tiles }, 2)
                .Node("Tile", "x times", "y").Output("y", Tensors.ElementType.Float, "N", "M").Load(null, new() { RunGate = gate });
            Batched = new PredictorBuilder(_ => Model).UseBatching(options =>
            {
                options.RunMode = RunMode.Queued;
                options.MaxLaneBytes = maxLaneBytes;
            }).Build(new FakeServices(gate));
            Executor = (OnnxExecutor)Model.GetService<IModelExecutor>()!;
        }

        public OnnxPredictor Model { get; }

        public IPredictor Batched { get; }

        public OnnxExecutor Executor { get; }

        public async Task AskAsync(IPredictor predictor, int length, int rows)
        {
            var values = Enumerable.Range(0, length * rows).Select(static i => (float)i).ToArray();
            using var answer = await predictor.PredictAsync(
                PredictionInputs.Rows(PredictionInput.Tensor("x", values, [rows, length])), null, Token);
            var output = answer.EnsureOk()["y"];
            Assert.Equal([rows, length * _tiles], output.Shape.ToArray());
            Assert.Equal(values[^1], output.AsSpan<float>()[^1]);
        }

        /// <summary>As under memory pressure, once nothing is under way.</summary>
        public void Trim()
        {
            var batcher = Batched.GetService<BatchingPredictor>()!;
            SpinWait.SpinUntil(() => batcher.AreRunnersIdle && batcher.InFlight == 0 && !batcher.HasWork);
            batcher.Trim();
            Executor.Trim();
        }

        public async ValueTask DisposeAsync()
        {
            await Batched.DisposeAsync();
            Assert.Equal(0, Executor.LaneBytes);
        }
    }
}
