using MlServe.Onnx;
using MlServe.Tensors;

namespace MlServe;

/// <summary>Mappers and layers write what models take and give: every kind, and never too little without being told.</summary>
public sealed class WriterKindsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(0)]
    public async Task Encode_TooFewOrTooMany_IsInvalidAsWithoutAMapper(int length)
    {
        await using var model = TinyModels.Affine().Load();
        var plain = Ask.TheError(
            model, PredictionInputs.Row(PredictionInput.Tensor("x", new float[length])), PredictionErrorCode.InputLengthMismatch);
        foreach (var (form, encode) in new (string, Action<float[], PredictionInputWriter>)[]
        {
            ("memory", static (values, writer) => values.CopyTo(writer.Tensor<float>("x", values.Length))),
            ("memory of the only input", static (values, writer) => values.CopyTo(writer.Tensor<float>(values.Length))),
            ("copy", static (values, writer) => writer.Write("x", values)),
            ("copy of the only input", static (values, writer) => writer.Write<float>(values)),
            ("copy with the model's shape", static (values, writer) => writer.Write("x", values, [4])),
            ("value", static (values, writer) => writer.Add(PredictionInput.Tensor("x", values))),
        })
        {
            var typed = model.As(encode, static prediction => prediction["y"].ToArray<float>());
            var exception = await Assert.ThrowsAsync<PredictionException>(async () =>
                await typed.PredictAsync(new float[length], cancellationToken: Token));
            Assert.True(
                (exception.Status, exception.Error.Code) == (PredictionStatus.Invalid, PredictionErrorCode.InputLengthMismatch), form);
            if (!form.Contains("shape", StringComparison.Ordinal)) Assert.Equal(plain.Message, exception.Error.Message);
            else Ask.Says(exception.Error.Message, $"{length} elements", "[4]");
            Assert.Equal(new float[] { 3, 5, 7, 9 }, await typed.PredictAsync([1, 2, 3, 4], cancellationToken: Token));
        }
    }

    [Fact]
    public async Task Encode_TextsOfEachLength_ComeAsTheyWereWrittenAndAreForgotten()
    {
        await using var model = TinyModels.Identity(ElementType.String, "N", 2).Load();
        var typed = model.As<string[], string[]>(
            static (texts, writer) => writer.Write("x", texts), static prediction => prediction["y"].ToArray<string>());
        Assert.Equal(new[] { "a", "ä𝄞" }, await typed.PredictAsync(["a", "ä𝄞"], cancellationToken: Token));
        var exception = await Assert.ThrowsAsync<PredictionException>(async () =>
            await typed.PredictAsync(["only one"], cancellationToken: Token));
        Assert.Equal(PredictionErrorCode.InputLengthMismatch, exception.Error.Code);
        exception = await Assert.ThrowsAsync<PredictionException>(async () =>
            await typed.PredictAsync(["a", null!], cancellationToken: Token));
        Assert.Equal(PredictionErrorCode.NullElement, exception.Error.Code);
        Assert.Equal(new[] { "b", "c" }, await typed.PredictAsync(["b", "c"], cancellationToken: Token));
    }

    [Fact]
    public async Task Encode_EachKind_ComesAsItWasWritten()
    {
        string? seen = null;
        var fake = new ReadingPredictor(inputs => seen = Text(inputs));
        var typed = fake.As<int, int>(static (_, writer) =>
        {
            Assert.Equal("a: float[2]", writer.Signature.Inputs[0].ToString());
            writer.Tensor<float>("a", [1, 2])[1] = 5;
            writer.Write("b", new long[] { 1, 2 }, [2]);
            writer.Write("c", new[] { "x", "y" });
            writer.Write<byte>("d", []);
            writer.Add(PredictionInput.MapOf("m", new Dictionary<string, double> { ["k"] = 1.5 }));
            writer.Add(PredictionInput.SequenceOf(
                "s", PredictionInput.Tensor("", new[] { 7 }), PredictionInput.Tensor("", new[] { 8, 9 })));
            writer.Add(PredictionInput.Absent("o"));
        }, static _ => 0);
        for (var i = 0; i < 3; i++)
        {
            await Assert.ThrowsAsync<PredictionException>(async () => await typed.PredictAsync(0, cancellationToken: Token));
            Assert.Equal("a:Float[1,2]=0,5 b:Int64[2]=1,2 c:String=x,y d:UInt8= m:{k=1.5} s:[:Int32=7 :Int32=8,9] o:absent", seen);
        }
    }

    [Fact]
    public async Task Encode_WriterIsKept_SaysSo()
    {
        await using var model = TinyModels.Affine().Load();
        PredictionInputWriter? kept = null;
        var typed = model.As<int, float>(
            (_, writer) => (kept = writer).Tensor<float>(4), static prediction => prediction["y"].AsSpan<float>()[0]);
        Assert.Equal(1, await typed.PredictAsync(0, cancellationToken: Token));
        Assert.Throws<InvalidOperationException>(() => kept!.Signature);
        Assert.Throws<InvalidOperationException>(() => kept!.Tensor<float>(4));
    }

    [Fact]
    public void Complete_EachKind_IsReadAsItWasWritten()
    {
        using var first = All();
        var expected = Text(first);
        Assert.Equal(
            "zeros:Float[2,2]=0,0,0,0 empty:String[2]=, copy:Int64[3]=1,2,3 texts:String[1]=t m:{7=seven} s:[:Float[2]=0,3 :Double[1]=4 "
            + ":{k=1} :Int64[3]=1,2,3 :{1=2} :[:Int32[1]=5]] o:absent in:{1=2} flat:Float[3]=1,2,3",
            expected);

        // Passed on whole, after whose memory is somebody else's.
        var writer = PredictionWriter.Create();
        for (var i = 0; i < first.Count; i++)
            writer.Add(first[i]);
        using var second = writer.Complete();
        first.Dispose();
        using var third = All();
        Assert.Equal(expected, Text(second));
        Assert.Equal(expected, Text(third));
    }

    [Fact]
    public void AddTensor_MemoryOfAnEarlierAnswer_IsEmptyAgain()
    {
        for (var round = 0; round < 4; round++)
        {
            var writer = PredictionWriter.Create();
            foreach (var length in (int[])[8, 100_000])
            {
                var memory = writer.AddTensor<float>("y", length);
                Assert.True(memory.IndexOfAnyExcept(0f) < 0, "The memory held an earlier answer.");
                memory.Fill(9);
                var texts = writer.AddTensor<string>("t", length);
                Assert.Equal(-1, texts.IndexOfAnyExcept(""));
                texts.Fill("x");
            }

            writer.Complete().Dispose();
        }
    }

    [Fact]
    public void Add_WhatCannotBe_IsRefusedAndLeavesNothing()
    {
        var writer = PredictionWriter.Create();
        var sequence = writer.AddSequence("s");
        Ask.Says(
            Assert.Throws<ArgumentException>(() => writer.AddTensor<float>("y", new float[3], [2, 2])).Message, "'y' has 3 elements",
            "[2,2]", "has 4");
        Ask.Says(Assert.Throws<ArgumentException>(() => writer.AddTensor<float>("y", new float[5], [4])).Message, "5 elements");
        Assert.Throws<ArgumentException>(() => sequence.AddTensor<float>(new float[3], [4]));
        Assert.Throws<ArgumentException>(() => writer.Add("y", default));
        Assert.Throws<ArgumentException>(() => writer.Add("y", PredictionInput.Tensor("x", new float[3], [4])));
        Assert.Throws<ArgumentException>(() =>
            sequence.Add(PredictionInput.SequenceOf("x", PredictionInput.Tensor("x", new float[3], [4]))));
        Assert.Throws<NotSupportedException>(() => writer.AddMap("m", new Dictionary<DateTime, float>()));
        Assert.Throws<NotSupportedException>(() => sequence.AddTensor<decimal>(1));
        using var prediction = writer.Complete();
        Assert.Equal("s:[]", Text(prediction));
        prediction.Dispose();
        Assert.Throws<ObjectDisposedException>(() => sequence.AddTensor<float>(1));
        Assert.Throws<ObjectDisposedException>(() => writer.AddAbsent("o"));
        Assert.Throws<ObjectDisposedException>(() => PredictionWriter.Create().Add(prediction["s"]));
        Assert.Throws<InvalidOperationException>(() => default(PredictionWriter).AddSequence("s"));
        Assert.Throws<InvalidOperationException>(() => default(PredictionSequenceWriter).AddTensor<float>(1));
    }

    private static Prediction All()
    {
        var map = PredictionInput.MapOf("m", new Dictionary<long, float> { [1] = 2 });
        var writer = PredictionWriter.Create();
        writer.AddTensor<float>("zeros", 2, 2);
        writer.AddTensor<string>("empty", 2);
        writer.AddTensor<long>("copy", [1, 2, 3], [3]);
        writer.AddTensor<string>("texts", ["t"], [1]);
        writer.AddMap("m", new Dictionary<long, string> { [7] = "seven" });
        var sequence = writer.AddSequence("s");
        sequence.AddTensor<float>(2)[1] = 3;
        sequence.AddTensor<double>([4], [1]);
        sequence.AddMap(new Dictionary<string, float> { ["k"] = 1 });
        using (var other = Other())
            sequence.Add(other["copy"]);
        sequence.Add(map);
        sequence.Add(PredictionInput.SequenceOf("", PredictionInput.Tensor("", new[] { 5 })));
        writer.AddAbsent("o");
        writer.Add("in", map);
        writer.Add("flat", PredictionInput.Tensor("x", new float[] { 1, 2, 3 }));
        return writer.Complete();
    }

    private static Prediction Other()
    {
        var writer = PredictionWriter.Create();
        writer.AddTensor<long>("copy", [1, 2, 3], [3]);
        return writer.Complete();
    }

    private static string Text(PredictionInputs inputs)
    {
        var parts = new List<string>();
        foreach (var input in inputs)
            parts.Add(Text(input));
        return string.Join(' ', parts);
    }

    private static string Text(PredictionInput input) => $"{input.Name}:" + input.Kind switch
    {
        ValueKind.Optional => "absent",
        ValueKind.Map => "{"
            + string.Join(
                ',',
                input.ToDictionary<string, double>()
                    .Select(static pair => FormattableString.Invariant($"{pair.Key}={pair.Value}")))
            + "}",
        ValueKind.Sequence => $"[{string.Join(' ', Enumerable.Range(0, (int)input.Length).Select(i => Text(input[i])))}]",
        _ => $"{input.ElementType}{(input.HasShape ? $"[{string.Join(',', input.Shape.ToArray())}]" : "")}=" + input.ElementType switch
        {
            ElementType.Float => string.Join(',', input.ToArray<float>()),
            ElementType.Int64 => string.Join(',', input.ToArray<long>()),
            ElementType.Int32 => string.Join(',', input.ToArray<int>()),
            ElementType.UInt8 => string.Join(',', input.ToArray<byte>()),
            _ => string.Join(',', input.ToArray<string>()),
        },
    };

    private static string Text(Prediction prediction) =>
        string.Join(' ', Enumerable.Range(0, prediction.Count).Select(i => Text(prediction[i])));

    private static string Text(PredictionOutput output) => $"{output.Name}:" + output.Kind switch
    {
        ValueKind.Optional => "absent",
        ValueKind.Map => $"{{{Elements(output.Keys)}={Elements(output.Values)}}}",
        ValueKind.Sequence => $"[{string.Join(' ', Enumerable.Range(0, output.Length).Select(i => Text(output[i])))}]",
        _ => $"{output.ElementType}[{string.Join(',', output.Shape.ToArray())}]={Elements(output)}",
    };

    private static string Elements(PredictionOutput output) => output.ElementType switch
    {
        ElementType.Float => string.Join(',', output.ToArray<float>()),
        ElementType.Double => string.Join(',', output.ToArray<double>()),
        ElementType.Int64 => string.Join(',', output.ToArray<long>()),
        ElementType.Int32 => string.Join(',', output.ToArray<int>()),
        _ => string.Join(',', output.ToArray<string>()),
    };

    private sealed class ReadingPredictor(Action<PredictionInputs> read) : IPredictor
    {
        public ModelSignature Signature { get; } = new(
            [new() { Name = "a", Kind = ValueKind.Tensor, ElementType = ElementType.Float, Shape = [Dimension.Fixed(2)] }],
            [new() { Name = "y", Kind = ValueKind.Tensor, ElementType = ElementType.Float }]);

        public ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
        {
            read(inputs);
            return new(Prediction.FromError(new(PredictionStatus.Failed, PredictionErrorCode.None, "read")));
        }

        public object? GetService(Type serviceType, object? serviceKey = null) => null;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => default;
    }
}
