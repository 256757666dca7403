using System.Numerics.Tensors;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>
/// Requests that do not fit the model: each is a status whose message names the input, what came, what is expected, and what to do.
/// </summary>
public sealed class BadRequestTests : IDisposable
{
    private readonly OnnxPredictor _affine = TinyModels.Affine().Load();
    private readonly OnnxPredictor _two = TinyModels.TwoInputs().Load();
    private readonly OnnxPredictor _single = TinyModels.FixedAffine().Load();
    private readonly OnnxPredictor _free = TinyModels.FreeLength().Load();

    public void Dispose()
    {
        // Whatever came before, an honest request is answered.
        foreach (var predictor in new[] { _affine, _single })
        {
            using (predictor)
            {
                using var prediction = Ask.The(predictor, PredictionInputs.Row(new float[] { 1, 2, 3, 4 }));
                Assert.Equal([3, 5, 7, 9], prediction["y"].ToArray<float>());
            }
        }

        _two.Dispose();
        _free.Dispose();
    }

    [Fact]
    public void PredictAsync_UnknownInput_NamesItAndWhatThereIs()
    {
        var error = Ask.TheError(
            _affine, PredictionInputs.Row(PredictionInput.Tensor("pixels", new float[4])), PredictionErrorCode.InputUnknown);
        Ask.Says(error.Message, "'pixels'", "x: float[N,4]");
    }

    [Fact]
    public void PredictAsync_NamelessValueForTwoInputs_SaysToNameEach()
    {
        var error = Ask.TheError(_two, PredictionInputs.Row(new float[3]), PredictionErrorCode.InputUnknown);
        Ask.Says(error.Message, "without a name", "PredictionInput.Tensor(name, values)", "a: float[N,3]", "b: float[N,3]");
    }

    [Fact]
    public void PredictAsync_MissingInput_NamesIt()
    {
        var error = Ask.TheError(_two, PredictionInputs.Row(PredictionInput.Tensor("a", new float[3])), PredictionErrorCode.InputMissing);
        Ask.Says(error.Message, "b: float[N,3] is missing", "a: float[N,3]");
    }

    [Fact]
    public void PredictAsync_NothingAtAll_NamesTheMissingInput()
    {
        Ask.Says(Ask.TheError(_affine, default, PredictionErrorCode.InputMissing).Message, "x: float[N,4]");
        Ask.Says(Ask.TheError(_affine, PredictionInputs.Row(), PredictionErrorCode.InputMissing).Message, "x: float[N,4]");
        Ask.Says(Ask.TheError(_affine, PredictionInputs.Rows(2), PredictionErrorCode.InputMissing).Message, "x: float[N,4]");
        Ask.Says(Ask.TheError(_single, default, PredictionErrorCode.InputMissing).Message, "x: float[1,4]");
    }

    [Fact]
    public void PredictAsync_DoubledInput_NamesIt()
    {
        var twice = PredictionInputs.Row(PredictionInput.Tensor("a", new float[3]), PredictionInput.Tensor("a", new float[3]));
        Ask.Says(Ask.TheError(_two, twice, PredictionErrorCode.InputDuplicated).Message, "'a'", "twice");
    }

    [Fact]
    public void PredictAsync_DefaultValueAmongTheInputs_IsRefused()
    {
        Ask.Says(
            Ask.TheError(_affine, PredictionInputs.Row(default(PredictionInput)), PredictionErrorCode.InputTypeMismatch).Message,
            "x: float[N,4]");
    }

    [Theory]
    [InlineData("double")]
    [InlineData("int64")]
    [InlineData("string")]
    [InlineData("float16")]
    [InlineData("bool")]
    public void PredictAsync_WrongType_NamesBothAndTheConversion(string came)
    {
        var inputs = came switch
        {
            "double" => PredictionInputs.Row(new double[4]),
            "int64" => PredictionInputs.Row(new long[4]),
            "string" => PredictionInputs.Row(["", "", "", ""]),
            "float16" => PredictionInputs.Row(new Half[4]),
            _ => PredictionInputs.Row(new bool[4]),
        };
        Ask.Says(
            Ask.TheError(_affine, inputs, PredictionErrorCode.InputTypeMismatch).Message, "x: float[N,4]", came, "Convert them to float");
    }

    [Fact]
    public void PredictAsync_WrongKind_SaysWhichMethodToUse()
    {
        var sequence = PredictionInputs.Row(PredictionInput.SequenceOf("x", PredictionInput.Tensor("", new float[4])));
        Ask.Says(
            Ask.TheError(_affine, sequence, PredictionErrorCode.InputKindMismatch).Message, "x: float[N,4]", "Sequence",
            "PredictionInput.Tensor");

        var map = PredictionInputs.Row(PredictionInput.MapOf("x", new Dictionary<long, float> { [1] = 2 }));
        Ask.Says(Ask.TheError(_affine, map, PredictionErrorCode.InputKindMismatch).Message, "Map", "PredictionInput.Tensor");

        Ask.TheError(_affine, PredictionInputs.Row(PredictionInput.Absent("x")), PredictionErrorCode.InputKindMismatch);
    }

    [Fact]
    public void PredictAsync_WrongRank_GivesBoth()
    {
        var row = PredictionInputs.Row(PredictionInput.Tensor("x", new float[4], [2, 2]));
        Ask.Says(
            Ask.TheError(_affine, row, PredictionErrorCode.InputRankMismatch).Message, "x: float[N,4]", "1 axes without the batch axis",
            "[2,2]");

        var rows = PredictionInputs.Rows(PredictionInput.Tensor("x", new float[4], [4]));
        Ask.Says(Ask.TheError(_affine, rows, PredictionErrorCode.InputRankMismatch).Message, "2 axes", "[4]", "Reshape");

        var batch = PredictionInputs.Row(Tensor.Create(new float[4], [1, 4]));
        Ask.Says(Ask.TheError(_affine, batch, PredictionErrorCode.InputRankMismatch).Message, "[1,4]", "PredictionInputs.Rows");
    }

    [Fact]
    public void PredictAsync_WrongFixedDimension_GivesAxisAndBothSizes()
    {
        var row = PredictionInputs.Row(PredictionInput.Tensor("x", new float[5], [5]));
        Ask.Says(Ask.TheError(_affine, row, PredictionErrorCode.InputDimensionMismatch).Message, "size 4 on axis 1", "[5]", "with 5 there");

        var rows = PredictionInputs.Rows(Tensor.Create(new float[6], [2, 3]));
        Ask.Says(
            Ask.TheError(_affine, rows, PredictionErrorCode.InputDimensionMismatch).Message, "size 4 on axis 1", "[2,3]", "with 3 there");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(8)]
    public void PredictAsync_RowOfWrongLength_GivesBothLengths(int length)
    {
        var error = Ask.TheError(_affine, PredictionInputs.Row(new float[length]), PredictionErrorCode.InputLengthMismatch);
        Ask.Says(error.Message, "x: float[N,4]", $"{length} elements", "1 row(s) have 4");
        Ask.TheError(_single, PredictionInputs.Row(new float[length]), PredictionErrorCode.InputLengthMismatch);
    }

    [Fact]
    public void PredictAsync_RowsOfWrongLength_GivesBothLengths()
    {
        var error = Ask.TheError(_affine, PredictionInputs.Rows(new float[11], 3), PredictionErrorCode.InputLengthMismatch);
        Ask.Says(error.Message, "11 elements", "3 row(s) have 12");
    }

    [Fact]
    public void PredictAsync_LengthAgainstOwnShape_GivesBoth()
    {
        var row = PredictionInputs.Row(PredictionInput.Tensor("x", new float[3], [4]));
        Ask.Says(Ask.TheError(_affine, row, PredictionErrorCode.InputLengthMismatch).Message, "'x'", "3 elements", "[4]", "has 4");
    }

    [Theory]
    [InlineData(-1L)]
    [InlineData(-4L)]
    [InlineData(long.MinValue)]
    public void PredictAsync_NegativeSize_IsRefusedWithTheShape(long size)
    {
        var row = PredictionInputs.Row(PredictionInput.Tensor("x", new float[4], [size]));
        var message = Ask.TheError(_affine, row, PredictionErrorCode.InputLengthMismatch).Message;
        Ask.Says(message, "'x'", "4 elements", $"[{size}]");
        Assert.DoesNotContain("has -1", message, StringComparison.Ordinal);
    }

    [Fact]
    public void PredictAsync_ShapeWhoseProductOverflows_IsRefused()
    {
        var row = PredictionInputs.Row(PredictionInput.Tensor("x", new float[4], [long.MaxValue, 3]));
        Assert.DoesNotContain(
            "has -1", Ask.TheError(_affine, row, PredictionErrorCode.InputLengthMismatch).Message, StringComparison.Ordinal);

        // 2^32 * (2^32 + ...) wraps to 4 in 64 bits.
        row = PredictionInputs.Row(PredictionInput.Tensor("x", new float[4], [1L << 62, 4, 4]));
        Ask.TheError(_affine, row, PredictionErrorCode.InputLengthMismatch);
    }

    [Fact]
    public void PredictAsync_NoElementsAndHugeAxes_IsRefusedWithoutNegativeRows()
    {
        var rows = PredictionInputs.Rows(PredictionInput.Tensor("x", Array.Empty<float>(), [3_000_000_000, 0]));
        using var prediction = Ask.The(_free, rows);
        Assert.False(prediction.IsOk);
        Assert.DoesNotContain("-1", prediction.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void PredictAsync_DifferentRowCounts_NamesTheInputAndBothCounts()
    {
        var inputs = PredictionInputs.Rows(
            PredictionInput.Tensor("a", new float[6], [2, 3]), PredictionInput.Tensor("b", new float[9], [3, 3]));
        Ask.Says(
            Ask.TheError(_two, inputs, PredictionErrorCode.RowCountMismatch).Message, "b: float[N,3]", "3 rows", "has 2", "same number");
    }

    [Fact]
    public void PredictAsync_RowCountAgainstShape_NamesBoth()
    {
        var inputs = PredictionInputs.Rows(2, PredictionInput.Tensor("a", new float[9], [3, 3]), PredictionInput.Tensor("b", new float[6]));
        Ask.Says(Ask.TheError(_two, inputs, PredictionErrorCode.RowCountMismatch).Message, "a: float[N,3]", "3 rows", "has 2");
    }

    [Fact]
    public void PredictAsync_SeveralRowsForOneAtATime_SaysWhyNot()
    {
        var error = Ask.TheError(_single, PredictionInputs.Rows(new float[8], 2), PredictionErrorCode.NotBatchable);
        Ask.Says(error.Message, "one row at a time", "2 came", "one by one", "fixed size");
        Ask.TheError(_single, PredictionInputs.Rows(Array.Empty<float>(), 0), PredictionErrorCode.NotBatchable);
    }

    [Fact]
    public void PredictAsync_FlatListForTwoFreeAxes_AsksForTheShape()
    {
        using var predictor = new TinyOnnx()
            .Input("x", ElementType.Float, "N", "H", "W")
            .Node("Neg", "x", "y")
            .Output("y", ElementType.Float, "N", "H", "W").Load();
        var error = Ask.TheError(predictor, PredictionInputs.Row(new float[12]), PredictionErrorCode.InputShapeNeeded);
        Ask.Says(error.Message, "x: float[N,H,W]", "PredictionInput.Tensor(\"x\", values, shape)");
    }

    [Fact]
    public void PredictAsync_FlatListNoMultipleOfTheRows_SaysSo()
    {
        var error = Ask.TheError(_free, PredictionInputs.Rows(new float[7], 3), PredictionErrorCode.InputLengthMismatch);
        Ask.Says(error.Message, "x: float[N,T]", "7 elements", "multiple", "3 row(s)");
    }

    [Fact]
    public void PredictAsync_NullAmongStrings_IsRefused()
    {
        using var predictor = TinyModels.Identity(ElementType.String, "N", 2).Load();
        Ask.Says(
            Ask.TheError(predictor, PredictionInputs.Row(["a", null!]), PredictionErrorCode.NullElement).Message, "x: string[N,2]",
            "empty string");
        Ask.TheError(predictor, PredictionInputs.Rows(Tensor.Create(["a", "b", "c", null!], [2, 2])), PredictionErrorCode.NullElement);
    }

    [Fact]
    public void PredictAsync_MoreBytesThanAllowed_IsTooLarge()
    {
        using var predictor = TinyModels.Affine().Load(new() { MaxRequestBytes = 32 });
        var error = Ask.TheError(
            predictor, PredictionInputs.Rows(new float[12], 3), PredictionErrorCode.RequestTooLarge, PredictionStatus.TooLarge);
        Ask.Says(error.Message, "48 bytes", "32", "MaxRequestBytes", "fewer rows");
        using var fits = Ask.The(predictor, PredictionInputs.Rows(new float[8], 2));
        Assert.True(fits.IsOk);
    }

    [Fact]
    public void PredictAsync_UnknownOrNoOutput_NamesWhatThereIs()
    {
        var inputs = PredictionInputs.Row(PredictionInput.Tensor("a", new float[3]), PredictionInput.Tensor("b", new float[3]));
        var error = Ask.TheError(_two, inputs, PredictionErrorCode.OutputUnknown, options: new() { Outputs = ["sum", "quotient"] });
        Ask.Says(error.Message, "'quotient'", "'sum', 'product'");
        Ask.Says(
            Ask.TheError(_two, inputs, PredictionErrorCode.OutputUnknown, options: new() { Outputs = [] }).Message, "empty",
            "'sum', 'product'", "null for all");
        Ask.TheError(_two, inputs, PredictionErrorCode.OutputUnknown, options: new() { Outputs = [null!] });
    }

    [Theory]
    [InlineData("../../etc/passwd")]
    [InlineData("a\0b")]
    [InlineData("a{0}b{")]
    [InlineData("C:\\x\n")]
    public void PredictAsync_NameWithPathOrFormatCharacters_IsQuotedAsItCame(string name)
    {
        var error = Ask.TheError(
            _affine, PredictionInputs.Row(PredictionInput.Tensor(name, new float[4])), PredictionErrorCode.InputUnknown);
        Ask.Says(error.Message, $"'{name}'");
        using var prediction = Ask.The(_affine, PredictionInputs.Row(new float[4]));
        Assert.Throws<KeyNotFoundException>(() => prediction[name]);
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("a/b:0")]
    [InlineData("x{0}")]
    public void PredictAsync_ModelWithNamesOfPathCharacters_IsServed(string name)
    {
        using var predictor = new TinyOnnx()
            .Input(name, ElementType.Float, "N", 2).Node("Neg", name, $"{name}/y").Output($"{name}/y", ElementType.Float, "N", 2).Load();
        using var prediction = Ask.The(predictor, PredictionInputs.Row(PredictionInput.Tensor(name, new float[] { 1, 2 })));
        Assert.Equal([-1, -2], prediction[$"{name}/y"].ToArray<float>());
        Ask.Says(Ask.TheError(predictor, PredictionInputs.Row(new float[3]), PredictionErrorCode.InputLengthMismatch).Message, name);
    }

    [Fact]
    public void PredictAsync_NoRows_AnswersWithNoRows()
    {
        using var prediction = Ask.The(_affine, PredictionInputs.Rows(Array.Empty<float>(), 0));
        Assert.Equal([0, 4], prediction.EnsureOk()["y"].Shape.ToArray());
        Assert.Empty(prediction["y"].ToArray<float>());

        using var shaped = Ask.The(_affine, PredictionInputs.Rows(Tensor.Create(Array.Empty<float>(), [0, 4])));
        Assert.Equal([0, 4], shaped.EnsureOk()["y"].Shape.ToArray());
    }

    [Fact]
    public void PredictAsync_BadRowsAmongGoodOnes_DoNotDisturbThem()
    {
        Parallel.For(
            0, 400, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = TestContext.Current.CancellationToken }, i =>
        {
            if (i % 3 == 0)
            {
                Ask.TheError(_affine, PredictionInputs.Row(new float[i % 4 == 0 ? 5 : 3]), PredictionErrorCode.InputLengthMismatch);
                return;
            }

            using var prediction = Ask.The(_affine, PredictionInputs.Row(new float[] { i, 0, 0, -i }));
            Assert.Equal([(2 * i) + 1, 1, 1, (-2 * i) + 1], prediction["y"].ToArray<float>());
        });
    }

    [Fact]
    public void PredictAsync_RuntimeRefusesTheData_IsInvalidAndTheNextIsAnswered()
    {
        using var predictor = new TinyOnnx()
            .Input("x", ElementType.Int64, "N")
            .Weight("table", [10f, 20f, 30f], 3, 1)
            .Node("Gather", "table x", "y").Output("y", ElementType.Float, "N", 1).Load();
        var error = Ask.TheError(predictor, PredictionInputs.Rows(new long[] { 7 }, 1), PredictionErrorCode.RejectedByRuntime);
        Ask.Says(error.Message, "default", "Gather");
        Assert.NotNull(error.Exception);
        using var prediction = Ask.The(predictor, PredictionInputs.Rows(new long[] { 2, 0 }, 2));
        Assert.Equal([30, 10], prediction.EnsureOk()["y"].ToArray<float>());
    }
}
