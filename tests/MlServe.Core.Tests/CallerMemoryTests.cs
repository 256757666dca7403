using System.Buffers;
using MlServe.Batching;
using MlServe.Onnx;
using MlServe.Tensors;
using MlServe.Tests.Fakes;

namespace MlServe.Tests;

/// <summary>
/// Memory whose owner is code of the caller's: what it throws is that request's fault, and while it waits nobody else does, at whichever
/// look at it this happens and on every path.
/// </summary>
public sealed class CallerMemoryTests
{
    private const int Looks = 6;

    private static readonly string[] Paths = ["direct", "crowded", "batched", "inline", "split", "padded", "cached"];

    private static readonly Dictionary<string, Action?> Faults = new()
    {
        ["throws"] = static () => throw new InvalidOperationException("boom"),
        ["is disposed of"] = static () => throw new ObjectDisposedException("memory"),
        ["is cancelled"] = static () => throw new OperationCanceledException(),
        ["has no room"] = static () => throw new InsufficientMemoryException(),
        ["is shorter"] = null,
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, string, bool> FaultsAndPaths()
    {
        var data = new TheoryData<string, string, bool>();
        foreach (var fault in Faults.Keys)
        {
            foreach (var path in Paths)
            {
                data.Add(fault, path, false);
                data.Add(fault, path, true);
            }
        }

        return data;
    }

    public static TheoryData<string, bool> PathsAndTypes()
    {
        var data = new TheoryData<string, bool>();
        foreach (var path in Paths)
        {
            data.Add(path, false);
            data.Add(path, true);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(FaultsAndPaths))]
    public async Task PredictAsync_MemoryFails_IsInvalidAndNobodyElseHearsOfIt(string fault, string path, bool isText)
    {
        await using var setting = new Setting(path, isText);
        var refused = 0;
        for (var look = 1; look <= Looks; look++)
        {
            var (inputs, isRead) = setting.Foreign(look, Faults[fault], isShort: fault == "is shorter");
            var other = setting.Ask(2);
            using var answer = await setting.Predictor.PredictAsync(inputs, null, Token);
            if (isRead() < look) setting.AssertRight(answer, 1);
            else
            {
                refused++;
                Assert.Equal((PredictionStatus.Invalid, PredictionErrorCode.InputUnreadable), (answer.Status, answer.Error.Code));
                if (fault != "is shorter")
                    Assert.Contains(answer.Error.Exception!.GetType().Name, answer.Error.Message, StringComparison.Ordinal);
            }

            using var others = await other;
            setting.AssertRight(others, 2);
        }

        Assert.NotEqual(0, refused);
    }

    [Theory]
    [MemberData(nameof(PathsAndTypes))]
    public async Task PredictAsync_MemoryWaits_NobodyElseDoes(string path, bool isText)
    {
        await using var setting = new Setting(path, isText);
        for (var look = 1; look <= Looks; look++)
        {
            using var entered = new ManualResetEventSlim();
            using var leave = new ManualResetEventSlim();
            var (inputs, isRead) = setting.Foreign(look, () =>
            {
                entered.Set();
                leave.Wait(TimeSpan.FromSeconds(60), Token);
            });
            var slow = Task.Factory.StartNew(
                () => setting.Predictor.PredictAsync(inputs, null, Token).AsTask(), Token, TaskCreationOptions.LongRunning,
                TaskScheduler.Default).Unwrap();
            await Eventually.BecomesTrue(() => entered.IsSet || slow.IsCompleted, "the memory is read, or is not any more");

            // One that asks for the same, whose answer is not waited for by the slow one's, and one that asks for something else.
            foreach (var id in (int[])[2, 1, 2])
            {
                using var answer = await setting.Ask(id).WaitAsync(TimeSpan.FromSeconds(30), Token);
                setting.AssertRight(answer, id);
            }

            leave.Set();
            using var late = await slow;
            setting.AssertRight(late, 1);
            Assert.True(isRead() > 0);
        }
    }

    [Fact]
    public async Task PredictAsync_ShapeIsChangedMeanwhile_IsInvalid()
    {
        var gate = new RunGate(1);
        await using var model = new TinyOnnx().InputOfSequence("s", ElementType.Float)
            .Node("ConcatFromSequence", "s", "y", TinyOnnx.Int("axis", 0))
            .Output("y", ElementType.Float, "N").Load(null, new() { RunGate = gate });
        Assert.True(gate.TryEnter());
        long[] shape = [2];
        var task = model.PredictAsync(
            PredictionInputs.Rows(PredictionInput.SequenceOf("s", PredictionInput.Tensor("", new float[2], shape))), null, Token);
        shape[0] = 1_000_000_000;
        gate.Exit();
        using var answer = await task;
        Assert.Equal((PredictionStatus.Invalid, PredictionErrorCode.InputUnreadable), (answer.Status, answer.Error.Code));
    }

    [Fact]
    public void PredictAsync_SequencesInSequences_AreRefusedAndEndNothing()
    {
        using var model = new TinyOnnx().InputOfSequence("s", ElementType.Float)
            .Node("ConcatFromSequence", "s", "y", TinyOnnx.Int("axis", 0))
            .Output("y", ElementType.Float, "N").Load();
        using var cached = new PredictorBuilder(model).UseCache().Build(new FakeServices());
        var value = PredictionInput.Tensor("", new float[1], [1]);
        for (var depth = 0; depth < 200_000; depth++)
            value = PredictionInput.SequenceOf("s", value);
        Ask.TheError(cached, PredictionInputs.Rows(value), PredictionErrorCode.InputKindMismatch);

        var list = new PredictionInput[1];
        list[0] = PredictionInput.SequenceOf("s", list);
        Assert.Equal(PredictionStatus.Invalid, Ask.The(cached, PredictionInputs.Rows(list[0])).Status);
    }

    /// <summary>
    /// A model that answers numbers with twice as much, or texts with themselves; of rows of four, the first number tells which was asked.
    /// </summary>
    private sealed class Setting : IAsyncDisposable
    {
        private const int Width = 4;
        private readonly bool _isText;
        private readonly int _rows;
        private readonly bool _hasShape;

        public Setting(string path, bool isText)
        {
            _isText = isText;
            _rows = path == "split" ? 5 : 1;
            _hasShape = path == "padded";
            var gate = new RunGate(2);
            var type = isText ? ElementType.String : ElementType.Float;
            var tiny = new TinyOnnx().Input("x", type, "N", _hasShape ? "T" : Width);
            tiny = isText ? tiny.Node("Identity", "x", "y") : tiny.Node("Add", "x x", "y");
            var model = tiny.Output("y", type, "N", _hasShape ? "T" : Width).Load(new() { BatchAxis = 0 }, new() { RunGate = gate });
            var builder = new PredictorBuilder(_ => model);
            if (path == "cached") builder.UseCache(static cache => cache.SwitchOffWhenUseless = false);
            if (path is not ("direct" or "crowded"))
            {
                builder.UseBatching(batching =>
                {
                    batching.RunMode = path == "inline" ? RunMode.Inline : RunMode.Queued;
                    batching.MaxBatchSize = 2;
                    if (!_hasShape) return;
                    batching.Padding.Axis = "T";
                    batching.Padding.Buckets = [8];
                });
            }

            Predictor = builder.Build(new FakeServices(gate));

            // One place is left: who waits in it lets nobody else run.
            if (path == "crowded") Assert.True(gate.TryEnter());
        }

        public IPredictor Predictor { get; }

        public Task<Prediction> Ask(int id) => _isText
            ? Predictor.PredictAsync(Inputs<string>(Texts(id)), null, Token).AsTask()
            : Predictor.PredictAsync(Inputs<float>(Numbers(id)), null, Token).AsTask();

        /// <summary>A request for 1 whose memory does something at one look at it.</summary>
        public (PredictionInputs Inputs, Func<int> Looks) Foreign(int look, Action? fault, bool isShort = false)
        {
            if (_isText)
            {
                var texts = new FaultyMemory<string>(Texts(1), look, fault, isShort);
                return (Inputs<string>(texts.Memory), () => texts.Looks);
            }

            var numbers = new FaultyMemory<float>(Numbers(1), look, fault, isShort);
            return (Inputs<float>(numbers.Memory), () => numbers.Looks);
        }

        public void AssertRight(Prediction answer, int id)
        {
            Assert.True(answer.IsOk, answer.IsOk ? "" : answer.Error.ToString());
            if (_isText) Assert.Equal(Texts(id), answer["y"].ToArray<string>());
            else Assert.Equal(Numbers(id).Select(static value => 2 * value), answer["y"].ToArray<float>());
        }

        public async ValueTask DisposeAsync() => await Predictor.DisposeAsync();

        private PredictionInputs Inputs<T>(ReadOnlyMemory<T> values) => _hasShape
            ? PredictionInputs.Rows(PredictionInput.Tensor("x", values, [1, Width]))
            : PredictionInputs.Rows(values, _rows);

        private float[] Numbers(int id) => [.. Enumerable.Range(0, Width * _rows).Select(i => id + (i * 10f))];

        private string[] Texts(int id) => [.. Enumerable.Range(0, Width * _rows).Select(i => $"{id} {i}")];
    }

    private sealed class FaultyMemory<T>(T[] values, int look, Action? fault, bool isShort) : MemoryManager<T>
    {
        private int _looks;

        public int Looks => Volatile.Read(ref _looks);

        public override Memory<T> Memory => CreateMemory(values.Length);

        public override Span<T> GetSpan()
        {
            if (Interlocked.Increment(ref _looks) != look) return values;
            fault?.Invoke();
            return isShort ? values.AsSpan(0, values.Length - 1) : values;
        }

        public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException();

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
