using MlServe.Onnx.Inspection;
using MlServe.Tensors;

namespace MlServe.Onnx.Safety;

/// <summary>
/// Attributes that ONNX Runtime does not look at, and dies of: each of these ended a process, or ran for minutes, before it was refused
/// here.
/// </summary>
public sealed class AttributeRulesTests
{
    private static readonly Action<WireWriter>[] None = [];

    public static TheoryData<string, byte[]> Cases() => new()
    {
        { "'q_num_heads' of 0", Attention(TinyOnnx.Int("q_num_heads", 0), TinyOnnx.Int("kv_num_heads", 3)) },
        { "'q_num_heads' of -9223372036854775808", Attention(TinyOnnx.Int("q_num_heads", long.MinValue), TinyOnnx.Int("kv_num_heads", 3)) },
        { "'q_num_heads' of 4611686018427387904", Attention(TinyOnnx.Int("q_num_heads", 1L << 62), TinyOnnx.Int("kv_num_heads", 3)) },
        { "'kv_num_heads' of 0", Attention(TinyOnnx.Int("q_num_heads", 3), TinyOnnx.Int("kv_num_heads", 0)) },
        { "'kv_num_heads' of 1099511627776", Attention(TinyOnnx.Int("q_num_heads", 1), TinyOnnx.Int("kv_num_heads", 1L << 40)) },
        { "'kv_num_heads' of 2", Attention(TinyOnnx.Int("q_num_heads", 3), TinyOnnx.Int("kv_num_heads", 2)) },
        { "'q_num_heads' of 5", Attention(TinyOnnx.Int("q_num_heads", 5), TinyOnnx.Int("kv_num_heads", 5)) },
        { "'q_num_heads' of 1000000", Attention(TinyOnnx.Int("q_num_heads", 1_000_000), TinyOnnx.Int("kv_num_heads", 1_000_000)) },
        { "'group' of 0", Window("ConvTranspose", 4, TinyOnnx.Int("group", 0)) },
        { "'group' of -1", Window("Conv", 4, TinyOnnx.Int("group", -1)) },
        { "'strides' of [0,1]", Window("Conv", 4, TinyOnnx.Ints("strides", 0, 1)) },
        { "'dilations' of [1,-1]", Window("Conv", 4, TinyOnnx.Ints("dilations", 1, -1)) },
        { "'strides' of 1 numbers", Window("Conv", 4, TinyOnnx.Ints("strides", 1)) },
        { "'pads' of 3 numbers", Window("Conv", 4, TinyOnnx.Ints("pads", 1, 1, 1)) },
        { "'output_padding' of [-1,0]", Window("ConvTranspose", 4, TinyOnnx.Ints("output_padding", -1, 0)) },
        { "'output_shape' of 1 numbers", Window("ConvTranspose", 4, TinyOnnx.Ints("output_shape", 8)) },
        { "'output_shape' of [-8,8]", Window("ConvTranspose", 4, TinyOnnx.Ints("output_shape", -8, 8)) },
        { "'kernel_shape' of [4294967296,5]", Pool("LpPool", TinyOnnx.Ints("kernel_shape", 4294967296, 5)) },
        { "'kernel_shape' of [2147483647,3]",
            Pool("AveragePool", TinyOnnx.Ints("kernel_shape", int.MaxValue, 3), TinyOnnx.String("auto_pad", "SAME_UPPER")) },
        { "a window that fits into the padded input", Pool("MaxPool", TinyOnnx.Ints("kernel_shape", 9, 2)) },
        { "'equation' of '...i,...->...'", Einsum("...i,...->...", [2, 3, 4], [2, 4, 5]) },
        { "2 terms for 1 inputs", Einsum("i,j->ij", [4]) },
        { "1 letters for 2 axes", Einsum("i->i", [4, 4]) },
        { "a letter twice in the result", Einsum("ij->ii", [4, 4]) },
        { "that no input has", Einsum("ij->k", [4, 4]) },
        { "two arrows", Einsum("ij->i->j", [4, 4]) },
        { "something else than letters", Einsum("i1->i", [4, 4]) },
        { "'...' in the result alone", Einsum("ij->...i", [4, 4]) },
        { "'num_outputs' of 2", Split("a b c", TinyOnnx.Int("num_outputs", 2)) },
        { "'num_outputs' of 4", Split("a b c", TinyOnnx.Int("num_outputs", 4)) },
        { "'split' of 2 sizes", Split("a b c", opset: 11, TinyOnnx.Ints("split", 3, 3)) },
        { "'split' of [7,-1]", Split("a b", opset: 11, TinyOnnx.Ints("split", 7, -1)) },
        { "'frame_length' of 0", Stft(8, 0) },
        { "'frame_step' of 0", Stft(0, 16) },
        { "'input B' of an empty name",
            new TinyOnnx().Input("x", ElementType.Float, 3, 4)
                .Weight("w", [1f, 1, 1, 1], 4)
                .Node("LayerNormalization", "x w -", "y")
                .Output("y", ElementType.Float, 3, 4).ToArray() },
        { "an empty name among them",
            new TinyOnnx().Input("x", ElementType.Float, 3).Node("Min", "x -", "y").Output("y", ElementType.Float, 3).ToArray() },
        { "the smallest integer (int64) and -1", Quotient("Div", long.MinValue, -1) },
        { "the smallest integer (int64) and -1", Quotient("Mod", long.MinValue, -1) },
        { "'input 1' of 4294967295 numbers",
            new TinyOnnx().Input("x", ElementType.Float, 2, 3)
                .Input("s", ElementType.Int64, 4294967295L)
                .Node("Reshape", "x s", "y")
                .OutputOfAnyShape("y", ElementType.Float).ToArray() },
        { "'input 0' of 1099511627776 numbers",
            new TinyOnnx().Input("s", ElementType.Int64, 1L << 40)
                .Node("ConstantOfShape", "s", "y")
                .OutputOfAnyShape("y", ElementType.Float).ToArray() },
        { "'blocksize' of 0",
            new TinyOnnx().Input("x", ElementType.Float, 1, 4, 2, 2)
                .Node("DepthToSpace", "x", "y", TinyOnnx.Int("blocksize", 0))
                .OutputOfAnyShape("y", ElementType.Float).ToArray() },
        { "'hidden_size' of -3",
            new TinyOnnx().Input("x", ElementType.Float, 1, 1, 4)
                .Weight("w", new float[12], 1, 3, 4)
                .Weight("r", new float[9], 1, 3, 3)
                .Node("RNN", "x w r", "y", TinyOnnx.Int("hidden_size", -3))
                .OutputOfAnyShape("y", ElementType.Float).ToArray() },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Inspect_AttributeThatTheRuntimeDiesOf_IsRefused(string expected, byte[] model)
    {
        var refusal = Assert.Throws<ModelLoadException>(() => OnnxInspector.Inspect(model));
        Assert.Equal(ModelLoadFailure.Malformed, refusal.Failure);
        Assert.Contains(expected, refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>Of a value of an unknown number of axes, joined with a number, nothing more is known than before.</summary>
    [Theory]
    [InlineData("bi,ij->bj")]
    [InlineData("...i,ij->...j")]
    [InlineData("window")]
    public async Task Inspect_RankThatIsNotKnown_IsNotHeldAgainstTheModel(string equation)
    {
        var model = new TinyOnnx().Input("x", ElementType.Float, "N", 8).Input("s", ElementType.Int64, "axes").Weight("two", [2f])
            .Weight("w", new float[16], 4, 4).Weight("none", new float[4], 2, 2, 1).Weight("kernel", new float[4], 2, 2, 1, 1)
            .Node("Reshape", "x s", "r");
        var bytes = (equation == "window"
            ? model.Node("Mul", "r none", "m").Node("Conv", "m kernel", "y", TinyOnnx.Ints("strides", 1, 1))
            : model.Node("Mul", "r two", "m").Node("Einsum", "m w", "y", TinyOnnx.String("equation", equation)))
            .OutputOfAnyShape("y", ElementType.Float).ToArray();
        Assert.NotNull(OnnxInspector.Inspect(bytes));
        await using var predictor = await OnnxPredictor.LoadAsync(
            ModelSource.FromBytes(bytes), null, null, TestContext.Current.CancellationToken);
        long[] shape = equation == "window" ? [1, 2, 2, 2] : [2, 4];
        using var answer = Ask.The(
            predictor,
            PredictionInputs.Row(PredictionInput.Tensor("x", new float[8], [1, 8]), PredictionInput.Tensor("s", shape, [shape.Length])));
        Assert.Equal(8, answer.EnsureOk()["y"].Length);
    }

    [Fact]
    public void Inspect_AttributeInAFunctionBoundByItsCall_IsRefused()
    {
        byte[] model = new WireWriter().Int(1, 8).Message(8, Models.Opset("", 17)).Message(8, Models.Opset("f", 1))
            .Message(7, graph => graph
                .Message(1, n => n.Text(1, "x").Text(1, "w").Text(2, "y").Text(4, "C").Text(7, "f").Message(5, TinyOnnx.Int("g", 0)))
                .Message(11, Models.Value("x", Models.TensorType(1, 1, 2, 8, 8)))
                .Message(11, Models.Value("w", Models.TensorType(1, 2, 2, 3, 3))).Message(12, Models.Value("y", Models.TensorType(1)))
                .Text(2, "g"))
            .Message(
                25, f => f.Text(1, "C").Text(10, "f").Text(4, "a").Text(4, "b").Text(5, "c").Text(6, "g").Message(9, Models.Opset("", 17))
                .Message(
                    7,
                    n => n.Text(1, "a")
                        .Text(1, "b")
                        .Text(2, "c")
                        .Text(4, "ConvTranspose")
                        .Message(5, a => a.Text(1, "group").Text(21, "g").Int(20, 2))));
        Assert.Contains(
            "'group' of 0", Assert.Throws<ModelLoadException>(() => OnnxInspector.Inspect(model)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Predict_SmallestIntegerWhereIntegersAreDivided_IsInvalid()
    {
        // Divided by -1 it would end the process, and every caller's with it.
        foreach (var operation in (string[])["Div", "Mod"])
        {
            using var predictor = new TinyOnnx().Input("a", ElementType.Int64, "N", 2)
                .Input("b", ElementType.Int64, "N", 2)
                .Node(operation, "a b", "y")
                .Output("y", ElementType.Int64, "N", 2)
                .Load();
            var error = Ask.TheError(predictor, Pair([5, long.MinValue], [2, -1]), PredictionErrorCode.InputValueRefused);
            Ask.Says(error.Message, "'a'", "-9223372036854775808", "divided by -1");
            using var good = Ask.The(predictor, Pair([5, long.MinValue + 1], [2, -1]));
            Assert.True(good.IsOk);
        }
    }

    [Fact]
    public void Predict_SmallestIntegerWhereOnlyConstantsDivide_IsFine()
    {
        using var predictor = new TinyOnnx().Input("a", ElementType.Int64, "N", 2)
            .Weight("b", [2L, 3], 2)
            .Node("Div", "a b", "y")
            .Output("y", ElementType.Int64, "N", 2)
            .Load();
        using var prediction = Ask.The(predictor, PredictionInputs.Row(PredictionInput.Tensor("a", new[] { long.MinValue, 9 })));
        Assert.Equal([long.MinValue / 2, 3], prediction.EnsureOk()["y"].ToArray<long>());
    }

    [Fact]
    public void Predict_OtherRankThanTheOperatorBears_IsInvalid()
    {
        // The model says nothing of the shape; the runtime would end the process.
        using var predictor = new TinyOnnx(opset: 10).InputOfAnyShape("x", ElementType.Float).Input("l", ElementType.Int64, 4)
            .Node("ReverseSequence", "x l", "y", TinyOnnx.Int("batch_axis", 1), TinyOnnx.Int("time_axis", 0))
            .OutputOfAnyShape("y", ElementType.Float).Load();
        var lengths = PredictionInput.Tensor("l", new long[] { 1, 2, 3, 4 }, [4]);
        foreach (var shape in (long[][])[[], [4]])
            Ask.TheError(
                predictor, PredictionInputs.Row(PredictionInput.Tensor("x", new float[shape.Length == 0 ? 1 : 4], shape), lengths),
                PredictionErrorCode.InputRankMismatch);
        using var prediction = Ask.The(predictor, PredictionInputs.Row(PredictionInput.Tensor("x", new float[16], [4, 4]), lengths));
        Assert.True(prediction.IsOk);
    }

    [Fact]
    public void Predict_FrameLengthOfZero_IsInvalid()
    {
        using var predictor = new TinyOnnx().Input("x", ElementType.Float, 1, 64, 1)
            .Input("step", ElementType.Int64)
            .Input("length", ElementType.Int64)
            .Node("STFT", "x step - length", "y")
            .OutputOfAnyShape("y", ElementType.Float)
            .Load();
        Ask.TheError(predictor, Frames(0), PredictionErrorCode.InputValueRefused);
        using var prediction = Ask.The(predictor, Frames(16));
        Assert.True(prediction.IsOk);

        static PredictionInputs Frames(long length) => PredictionInputs.Row(
            PredictionInput.Tensor("x", new float[64], [1, 64, 1]), PredictionInput.Tensor("step", new[] { 8L }, []),
            PredictionInput.Tensor("length", new[] { length }, []));
    }

    private static PredictionInputs Pair(long[] a, long[] b) =>
        PredictionInputs.Row(PredictionInput.Tensor("a", a), PredictionInput.Tensor("b", b));

    private static byte[] Attention(params Action<WireWriter>[] attributes) => new TinyOnnx(opset: 23, irVersion: 10)
        .Input("q", ElementType.Float, 1, 2, 12)
        .Input("k", ElementType.Float, 1, 2, 12)
        .Input("v", ElementType.Float, 1, 2, 12)
        .Node("Attention", "q k v", "y", attributes)
        .OutputOfAnyShape("y", ElementType.Float).ToArray();

    private static byte[] Window(string operation, int channels, params Action<WireWriter>[] attributes) => new TinyOnnx()
        .Input("x", ElementType.Float, 1, channels, 8, 8)
        .Weight("w", new float[channels * channels * 9], channels, channels, 3, 3)
        .Node(operation, "x w", "y", attributes)
        .OutputOfAnyShape("y", ElementType.Float).ToArray();

    private static byte[] Pool(string operation, params Action<WireWriter>[] attributes) => new TinyOnnx()
        .Input("x", ElementType.Float, 1, 2, 8, 8).Node(operation, "x", "y", attributes).OutputOfAnyShape("y", ElementType.Float).ToArray();

    private static byte[] Einsum(string equation, params long[][] shapes)
    {
        var model = new TinyOnnx();
        for (var i = 0; i < shapes.Length; i++)
            model.Weight($"w{i}", new float[shapes[i].Aggregate(1L, static (a, b) => a * b)], shapes[i]);
        return model.Node("Einsum", string.Join(' ', shapes.Select(static (_, i) => $"w{i}")), "y", TinyOnnx.String("equation", equation))
            .OutputOfAnyShape("y", ElementType.Float).ToArray();
    }

    private static byte[] Split(string outputs, params Action<WireWriter>[] attributes) => Split(outputs, 18, attributes);

    private static byte[] Split(string outputs, long opset, params Action<WireWriter>[] attributes) =>
        new TinyOnnx(opset).Input("x", ElementType.Float, 6)
            .Node("Split", "x", outputs, attributes)
            .OutputOfAnyShape("a", ElementType.Float).ToArray();

    private static byte[] Stft(long step, long length) => new TinyOnnx()
        .Input("x", ElementType.Float, 1, 64, 1)
        .Weight("step", [step])
        .Weight("length", [length])
        .Node("STFT", "x step - length", "y", None)
        .OutputOfAnyShape("y", ElementType.Float).ToArray();

    private static byte[] Quotient(string operation, long dividend, long divisor) => new TinyOnnx()
        .Input("x", ElementType.Int64, 1)
        .Weight("a", [dividend], 1)
        .Weight("b", [divisor], 1)
        .Node(operation, "a b", "q")
        .Node("Add", "x q", "y")
        .Output("y", ElementType.Int64, 1).ToArray();
}
