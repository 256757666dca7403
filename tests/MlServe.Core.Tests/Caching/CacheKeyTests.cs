using MlServe.Caching;
using MlServe.Onnx;
using MlServe.Tensors;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Caching;

/// <summary>
/// What is kept under a key, or given to those that wait for it, is the answer to what was hashed: whatever a caller writes to its memory,
/// and whenever.
/// </summary>
public sealed class CacheKeyTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Inputs of every kind, and what their caller makes of them while the request waits.</summary>
    private static readonly Dictionary<string, (Func<TinyOnnx> Model, Func<(PredictionInputs Inputs, Action Spoil)> Ask)> Kinds = new()
    {
        ["numbers"] = (static () => TinyModels.Affine(2), static () =>
        {
            float[] values = [1, 2];
            return (PredictionInputs.Row(values), () => values[0] = 99);
        }
        ),
        ["a part of an array"] = (static () => TinyModels.Affine(2), static () =>
        {
            float[] values = [0, 1, 2, 3];
            return (PredictionInputs.Row<float>(values.AsMemory(1, 2)), () => values.AsSpan().Reverse());
        }
        ),
        ["texts"] = (static () => TinyModels.Identity(ElementType.String, "N", 2), static () =>
        {
            string[] values = ["a", "b"];
            return (PredictionInputs.Rows(PredictionInput.Tensor("x", values, [1, 2])), () => values[1] = "spoilt");
        }
        ),
        ["a shape"] = (static () => TinyModels.FreeLength(), static () =>
        {
            long[] shape = [2, 3];
            return (PredictionInputs.Rows(PredictionInput.Tensor("x", new float[] { 1, 2, 3, 4, 5, 6 }, shape)),
                () => (shape[0], shape[1]) = (3, 2));
        }
        ),
        ["a value for all rows"] = (static () => new TinyOnnx().Input("x", ElementType.Float, "N", 2).Input("k", ElementType.Float, 1)
            .Node("Mul", "x k", "y").Output("y", ElementType.Float, "N", 2), static () =>
        {
            float[] factor = [2];
            return (PredictionInputs.Rows(
                PredictionInput.Tensor("x", new float[] { 1, 2 }, [1, 2]), PredictionInput.Tensor("k", factor, [1])), () => factor[0] = 99);
        }
        ),
        ["a sequence"] = (static () => new TinyOnnx().InputOfSequence("s", ElementType.Float)
            .Node("ConcatFromSequence", "s", "y", TinyOnnx.Int("axis", 0))
            .Output("y", ElementType.Float, "N"), static () =>
        {
            float[] part = [1, 2];
            PredictionInput[] parts = [PredictionInput.Tensor("", part, [2]), PredictionInput.Tensor("", new float[] { 3 }, [1])];
            return (PredictionInputs.Rows(PredictionInput.SequenceOf("s", parts)), () =>
            {
                part[1] = 99;
                parts[1] = parts[0];
            }
            );
        }
        ),
        ["memory that gives other numbers each time"] = (static () => TinyModels.Affine(2), static () =>
        {
            var memory = new ChangingMemory();
            return (PredictionInputs.Row<float>(memory.Memory), memory.Change);
        }
        ),
    };

    public static TheoryData<string, bool> KindsAndPaths()
    {
        var data = new TheoryData<string, bool>();
        foreach (var kind in Kinds.Keys)
        {
            data.Add(kind, false);
            data.Add(kind, true);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(KindsAndPaths))]
    public async Task PredictAsync_CallerWritesWhileItsRequestWaits_OthersGetTheAnswerToWhatTheyAsk(string kind, bool isBatched)
    {
        var (build, ask) = Kinds[kind];
        var gate = new RunGate(1);
        var model = build().Load(null, new() { RunGate = gate });
        var builder = new PredictorBuilder(_ => model).UseCache(static cache => cache.SwitchOffWhenUseless = false);
        if (isBatched) builder.UseBatching(static batching => batching.RunMode = global::MlServe.Batching.RunMode.Queued);
        await using var cached = builder.Build(new FakeServices(gate));
        await using var alone = build().Load();
        var right = await TextAsync(alone.PredictAsync(ask().Inputs, null, Token));

        Assert.True(gate.TryEnter());
        var (inputs, spoil) = ask();
        var careless = cached.PredictAsync(inputs, null, Token);
        var waiting = cached.PredictAsync(ask().Inputs, null, Token);
        spoil();
        gate.Exit();
        Assert.Equal(right, await TextAsync(waiting));
        (await careless).Dispose();

        Assert.Equal(right, await TextAsync(cached.PredictAsync(ask().Inputs, null, Token)));
    }

    [Fact]
    public async Task PredictAsync_CallerWritesAndGivesUp_TheNextComputesWhatWasAsked()
    {
        var read = new List<long>();
        var gate = new TaskCompletionSource();
        using var harness = new CacheHarness(new FakePredictor(async (inputs, token) =>
        {
            await gate.Task.WaitAsync(token);
            lock (read)
                read.Add(Answers.IdOf(in inputs));
            return Answers.Echo(in inputs);
        }));
        using var giveUp = new CancellationTokenSource();
        long[][] memory = [[1], [1], [1]];
        var first = harness.Cache.PredictAsync(PredictionInputs.Row(memory[0]), null, giveUp.Token).AsTask();
        var second = harness.Cache.PredictAsync(PredictionInputs.Row(memory[1]), null, Token).AsTask();
        var third = harness.Cache.PredictAsync(PredictionInputs.Row(memory[2]), null, Token).AsTask();
        memory[0][0] = 2;
        memory[1][0] = 3;
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        gate.SetResult();

        Assert.Equal((1, 1), (Answers.Read(await second), Answers.Read(await third)));
        Assert.Equal([1], read);
        Assert.Equal(PredictionSource.Cache, await harness.SourceOf(1));
    }

    [Fact]
    public async Task PredictAsync_ChangedBetweenItsHashAndItsCopy_IsAnsweredAloneAndNotKept()
    {
        long[] memory = [1];
        var hasher = new SpoilingHasher { AfterFirst = () => memory[0] = 2 };
        using var harness = new CacheHarness(new FakePredictor(), hasher: hasher);

        Assert.Equal(2, Answers.Read(await harness.Cache.PredictAsync(PredictionInputs.Row(memory), null, Token)));
        Assert.Equal(0, harness.Statistics.Entries);
        Assert.Equal(PredictionSource.Model, await harness.SourceOf(1));
        Assert.Equal(PredictionSource.Model, await harness.SourceOf(2));
    }

    [Fact]
    public async Task PredictAsync_ChangedAfterItsHash_OnesThatWaitComputeWhatTheyAsk()
    {
        long[] memory = [1];
        var pending = new PendingPredictor();
        CacheHarness? harness = null;
        Task<Prediction>? waiting = null;
        var hasher = new SpoilingHasher
        {
            // Another joins, and then the first changes: between its hash and its copy.
            BeforeSecond = () =>
            {
                waiting = harness!.Cache.PredictAsync(Answers.Request(1), null, Token).AsTask();
                memory[0] = 2;
            },
        };
        using (harness = new CacheHarness(pending, hasher: hasher))
        {
            hasher.IsCopySpoilt = true;
            var first = harness.Cache.PredictAsync(PredictionInputs.Row(memory), null, Token).AsTask();
            await Eventually.BecomesTrue(() => pending.Pending == 2, "the one that waited computes");
            pending.Answer();
            pending.Answer();
            Assert.Equal(1, Answers.Read(await first));
            Assert.Equal(1, Answers.Read(await waiting!));
            Assert.Equal(1, harness.Statistics.Entries);
        }
    }

    [Fact]
    public async Task PredictAsync_CallerWritesWhileItIsComputed_OtherProcessesAreToldWhatWasAsked()
    {
        var identity = new ModelIdentity("m", "1", "0123456789abcdef");
        var hybrid = new FakeHybridCache();
        long[] memory = [1];
        using (var first = new CacheHarness(
            Spoiling(() => memory[0] = 2, identity), static options => options.UseHybridCache = true, services: hybrid))
        {
            Answers.Read(await first.Cache.PredictAsync(PredictionInputs.Row(memory), null, Token));
            await Eventually.BecomesTrue(() => hybrid.Entries.Count == 1, "the answer is passed on");
        }

        using var second = new CacheHarness(
            new FakePredictor { Service = identity }, static options => options.UseHybridCache = true, services: hybrid);
        Assert.Equal(PredictionSource.Cache, await second.SourceOf(1));
        Assert.Equal(PredictionSource.Model, await second.SourceOf(2));
    }

    private static FakePredictor Spoiling(Action spoil, object? service = null) => new((inputs, _) =>
    {
        spoil();
        return new(Answers.Echo(in inputs));
    })
    { Service = service };

    private static async Task<string> TextAsync(ValueTask<Prediction> task)
    {
        using var answer = await task;
        var output = answer.EnsureOk()["y"];
        var elements = output.ElementType == ElementType.String
            ? string.Join(' ', output.ToArray<string>())
            : string.Join(' ', output.ToArray<float>());
        return $"{Shapes.Format(output.Shape)} {elements}";
    }

    /// <summary>Does something after the first look at a request, or before the second, which is that at its copy.</summary>
    private sealed class SpoilingHasher : IRequestHasher
    {
        private int _looks;

        public Action? AfterFirst { get; init; }

        public Action? BeforeSecond { get; init; }

        /// <summary>Whether the copy counts as another request.</summary>
        public bool IsCopySpoilt { get; set; }

        public bool TryHash(in PredictionInputs inputs, OutputSelection outputs, out RequestKey key)
        {
            var look = ++_looks;
            if (look == 2) BeforeSecond?.Invoke();
            var isHashed = RequestHasher.Instance.TryHash(in inputs, outputs, out key);
            if (look == 2 && IsCopySpoilt) key = new(key.Key + 1, key.Check);
            if (look == 1) AfterFirst?.Invoke();
            return isHashed;
        }
    }

    private sealed class ChangingMemory : System.Buffers.MemoryManager<float>
    {
        private readonly float[] _values = [1, 2];

        public void Change() => _values[0] = 99;

        public override Span<float> GetSpan() => _values;

        public override System.Buffers.MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException();

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
