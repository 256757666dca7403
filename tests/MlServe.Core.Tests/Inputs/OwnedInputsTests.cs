using System.Buffers;
using MlServe.Batching;
using MlServe.Onnx;
using MlServe.Tensors;

namespace MlServe;

/// <summary>A copy is of every kind, outlives what it was made of, and once disposed shows nobody's memory.</summary>
public sealed class OwnedInputsTests
{
    private static readonly (string Name, Func<PredictionInput, object> Read)[] Elements =
    [
        ("small", static input => input.ToArray<float>()),
        ("large", static input => input.ToArray<long>()),
        ("bytes", static input => input.TryGetBytes(out var bytes) ? bytes.ToArray() : []),
        ("texts", static input => input.ToArray<string>()),
        ("sequence", static input => input[1].ToArray<double>()),
        ("texts in a sequence", static input => input[0].ToArray<string>()),
        ("map", static input => input.ToDictionary<long, float>()),
        ("map of texts", static input => input.ToDictionary<string, string>()),
    ];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Copy_OriginalsOverwritten_StaysAsItWas()
    {
        var (inputs, overwrite) = All();
        var before = Read(inputs);
        using var owned = inputs.Copy();
        overwrite();
        Assert.Equal(before, Read(owned.Inputs));
        Assert.NotEqual(before, Read(inputs));
        Assert.Equal((inputs.IsRow, inputs.RowCount, inputs.Count), (owned.Inputs.IsRow, owned.Inputs.RowCount, owned.Inputs.Count));
        Assert.True(owned.Inputs["absent"].IsAbsent);
        Assert.Equal([2, 1], owned.Inputs["small"].Shape.ToArray());
        Assert.False(owned.Inputs["large"].HasShape);
        Assert.InRange(owned.Bytes, 8 * 100_000, 8 * 110_000);

        using var again = owned.Inputs.Copy();
        owned.Dispose();
        Assert.Equal(before, Read(again.Inputs));
    }

    [Fact]
    public void Read_AfterDispose_ThrowsForEveryKindAndShowsNobodysMemory()
    {
        var (inputs, _) = All();
        var owned = inputs.Copy();
        var kept = owned.Inputs;
        Assert.Equal(Elements.Length + 1, kept.Count);
        owned.Dispose();
        owned.Dispose();

        // The memory is somebody else's now.
        using var others = inputs.Copy();
        Assert.Throws<ObjectDisposedException>(() => owned.Inputs);
        foreach (var (name, read) in Elements)
        {
            var exception = Assert.Throws<ObjectDisposedException>(() => read(kept[name]));
            Assert.Contains(nameof(OwnedInputs), exception.Message, StringComparison.Ordinal);
            Assert.Equal(name, kept[name].Name);
        }

        Assert.Throws<ObjectDisposedException>(() => kept.Copy());
        Assert.Equal(Read(inputs), Read(others.Inputs));
    }

    [Fact]
    public async Task Dispose_ByManyAtOnce_GivesTheMemoryBackOnce()
    {
        for (var round = 0; round < 200; round++)
        {
            var owned = PredictionInputs.Row(new float[40_000]).Copy();
            using var start = new Barrier(2);
            await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
            {
                start.SignalAndWait(Token);
                owned.Dispose();
            }, Token)));

            // An array that was given back twice would be lent to two.
            using var first = PredictionInputs.Row(Filled(1)).Copy();
            using var second = PredictionInputs.Row(Filled(2)).Copy();
            Assert.Equal(1f, first.Inputs[0].AsSpan<float>()[0]);
            Assert.Equal(2f, second.Inputs[0].AsSpan<float>()[0]);
        }

        static float[] Filled(float value)
        {
            var values = new float[40_000];
            Array.Fill(values, value);
            return values;
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PredictAsync_WithADisposedCopy_IsInvalidAndHarmsNobody(bool batched)
    {
        await using var model = TinyModels.Affine().Load();
        using var pipeline = batched ? new PredictorBuilder(model).UseBatching().Build() : null;
        var predictor = pipeline ?? (IPredictor)model;
        var owned = PredictionInputs.Row(new float[] { 1, 2, 3, 4 }).Copy();
        var kept = owned.Inputs;
        using (var answer = await predictor.PredictAsync(kept, null, Token))
            Assert.Equal([3f, 5f, 7f, 9f], answer.EnsureOk()["y"].ToArray<float>());

        owned.Dispose();
        var asked = Enumerable.Range(0, 8)
            .Select(i => predictor.PredictAsync(i % 2 == 0 ? kept : PredictionInputs.Row(new float[4]), null, Token).AsTask()).ToArray();
        for (var i = 0; i < asked.Length; i++)
        {
            using var answer = await asked[i];
            if (i % 2 == 0)
                Assert.Equal((PredictionStatus.Invalid, PredictionErrorCode.InputUnreadable), (answer.Status, answer.Error.Code));
            else Assert.Equal(1f, answer.EnsureOk()["y"].AsSpan<float>()[0]);
        }
    }

    [Fact]
    public void Copy_NestedTooDeep_ThrowsAndKeepsNothing()
    {
        var input = PredictionInput.Tensor("t", new[] { 1f }, [1]);
        for (var depth = 0; depth < OwnedInputs.MaxDepth; depth++)
            input = PredictionInput.SequenceOf("s", input);
        using (var fits = PredictionInputs.Row(input).Copy())
            Assert.Equal(1, fits.Inputs[0].Length);
        var deep = PredictionInputs.Row(PredictionInput.SequenceOf("s", input));
        Ask.Says(Assert.Throws<InvalidOperationException>(() => deep.Copy()).Message, "more than 8 deep");
    }

    [Fact]
    public void Copy_MemoryWhoseOwnerThrows_ThrowsAndSaysWhy()
    {
        using var owner = new ThrowingMemory();
        var inputs = PredictionInputs.Row(PredictionInput.Tensor("a", new float[10_000]), PredictionInput.Tensor<float>("b", owner.Memory));
        Ask.Says(Assert.ThrowsAny<InvalidOperationException>(() => inputs.Copy()).Message, "could not be read", "boom");
        Ask.Says(Assert.ThrowsAny<InvalidOperationException>(() => inputs["b"].AsSpan<float>()).Message, "could not be read", "boom");
        Ask.Says(Assert.ThrowsAny<InvalidOperationException>(() => inputs["b"].TryGetBytes(out _)).Message, "could not be read", "boom");
    }

    private static (PredictionInputs Inputs, Action Overwrite) All()
    {
        float[] small = [1, 2];
        var large = Enumerable.Range(0, 100_000).Select(static i => (long)i).ToArray();
        byte[] bytes = [1, 2, 3];
        string[] texts = ["a", "b"];
        double[] part = [1.5, 2.5];
        string[] words = ["c", "d"];
        var inputs = PredictionInputs.Rows(2,
            PredictionInput.Tensor("small", small, [2, 1]), PredictionInput.Tensor("large", large), PredictionInput.Tensor("bytes", bytes),
            PredictionInput.Tensor("texts", texts),
            PredictionInput.SequenceOf("sequence", PredictionInput.Tensor("", new double[1]), PredictionInput.Tensor("", part)),
            PredictionInput.SequenceOf("texts in a sequence", PredictionInput.Tensor("", words)),
            PredictionInput.MapOf("map", new Dictionary<long, float> { [1] = 2 }),
            PredictionInput.MapOf("map of texts", new Dictionary<string, string> { ["k"] = "v" }),
            PredictionInput.Absent("absent"));
        return (inputs, Overwrite);

        void Overwrite()
        {
            small[0] = large[0] = bytes[0] = 99;
            part[0] = 99;
            texts[0] = words[0] = "changed";
        }
    }

    private static string Read(PredictionInputs inputs) =>
        string.Join(';', Elements.Select(element => $"{element.Name}={Text(element.Read(inputs[element.Name]))}"));

    private static string Text(object value) => string.Join(',', ((System.Collections.IEnumerable)value).Cast<object>());

    private sealed class ThrowingMemory : MemoryManager<float>
    {
        public override Memory<float> Memory => CreateMemory(4);

        public override Span<float> GetSpan() => throw new TimeoutException("boom");

        public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException();

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
