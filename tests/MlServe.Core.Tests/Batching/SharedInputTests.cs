using MlServe.Batching;
using MlServe.Onnx;
using MlServe.Tensors;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Batching;

/// <summary>
/// Values that hold for all rows are taken from a caller once, at the moment they are compared: what it writes to its memory later on
/// changes no neighbour's answer, whenever and however often its rows are copied.
/// </summary>
public sealed class SharedInputTests
{
    private const int Requests = 16;

    /// <summary>Three batches of four are filled at once; the rest stands in line, and is copied when a batch comes back.</summary>
    [Fact]
    public async Task PredictAsync_WrittenToInLine_NeighboursAreAnsweredWithTheirOwn()
    {
        await using var setting = new Setting();
        var tasks = setting.Send(Requests);
        Assert.Equal(4, setting.Batched.GetService<BatchingPredictor>()!.InLine);
        foreach (var own in setting.Factors.Skip(Requests - 2))
            own.AsSpan().Fill(99);
        setting.Gate.Exit();

        await Setting.ExpectAsync(tasks.Take(Requests - 2));
        await Task.WhenAll(tasks);
    }

    /// <summary>A batch that fails is copied from its callers' memory again, part by part.</summary>
    [Fact]
    public async Task PredictAsync_WrittenToBeforeCulpritsAreSought_NeighboursAreAnsweredWithTheirOwn()
    {
        await using var setting = new Setting();
        var tasks = setting.Send(4, culprit: 1);
        setting.Factors[3].AsSpan().Fill(99);
        setting.Gate.Exit();

        await Setting.ExpectAsync([tasks[0], tasks[2]], [0, 2]);
        Assert.Equal(PredictionStatus.Invalid, (await tasks[1]).Status);
        (await tasks[3]).Dispose();
    }

    /// <summary>y = table[x] * k, with k for all rows; the gate is taken until the test gives it back.</summary>
    private sealed class Setting : IAsyncDisposable
    {
        private const int Entries = 4096;

        public Setting()
        {
            var model = new TinyOnnx().Input("x", ElementType.Int64, "N", 1).Input("k", ElementType.Float, 1)
                .Weight("table", [.. Enumerable.Range(0, Entries).Select(static i => (float)i)], Entries)
                .Node("Gather", "table x", "found").Node("Mul", "found k", "y").Output("y", ElementType.Float, "N", 1)
                .Load(new() { BatchAxes = { ["x"] = 0 } });
            Batched = new PredictorBuilder(_ => model).UseBatching(static options =>
            {
                options.Readiness = BatchReadiness.WhenCalibrated;
                options.MaxBatchSize = 4;
                options.Lanes = 1;
                options.RunMode = RunMode.Queued;
            }).Build(new FakeServices(Gate, new Microsoft.Extensions.Time.Testing.FakeTimeProvider()));
            Assert.True(Gate.TryEnter());
        }

        public RunGate Gate { get; } = new(1);

        public IPredictor Batched { get; }

        /// <summary>The memory of each request's value for all rows.</summary>
        public List<float[]> Factors { get; } = [];

        public List<Task<Prediction>> Send(int count, int culprit = -1)
        {
            var tasks = new List<Task<Prediction>>();
            for (var i = 0; i < count; i++)
            {
                Factors.Add([2]);
                tasks.Add(Send(i == culprit ? Entries : i, Factors[i]));
            }

            return tasks;
        }

        public Task<Prediction> Send(long x, float[] factor) =>
            Batched.PredictAsync(PredictionInputs.Row(PredictionInput.Tensor("x", new[] { x }), PredictionInput.Tensor("k", factor, [1])))
                .AsTask();

        public static async Task ExpectAsync(IEnumerable<Task<Prediction>> tasks, int[]? rows = null)
        {
            var i = 0;
            foreach (var task in tasks)
            {
                using var answer = await task;
                Assert.Equal(2f * (rows?[i] ?? i), answer.EnsureOk()["y"].ToScalar<float>());
                i++;
            }
        }

        public async ValueTask DisposeAsync() => await Batched.DisposeAsync();
    }
}
