using System.Numerics.Tensors;
using MlServe.Onnx;
using MlServe.Tensors;

namespace MlServe;

/// <summary>All that memory can come as, through a real model and back.</summary>
public sealed class PredictionInputsTests
{
    [Fact]
    public void Form_OfEachKind_TellsRowsAndCount()
    {
        Assert.True(PredictionInputs.Row(new float[1]).IsRow);
        Assert.Equal(1, PredictionInputs.Row(new float[1]).RowCount);
        Assert.Equal(1, PredictionInputs.Row(new float[1]).Count);
        Assert.False(PredictionInputs.Rows(new float[1], 0).IsRow);
        Assert.Equal(0, PredictionInputs.Rows(new float[1], 0).RowCount);
        Assert.Equal(7, PredictionInputs.Rows<float>(new float[1].AsMemory(), 7).RowCount);
        Assert.Null(PredictionInputs.Rows(Tensor.Create(new float[2], [2, 1])).RowCount);
        Assert.Null(PredictionInputs.Rows(PredictionInput.Scalar("x", 1f)).RowCount);
        Assert.Equal(2, PredictionInputs.Rows(3, PredictionInput.Scalar("x", 1f), PredictionInput.Scalar("y", 1f)).Count);
        Assert.Equal(0, default(PredictionInputs).Count);
        Assert.Null(default(PredictionInputs).RowCount);
        Assert.False(default(PredictionInputs).IsRow);
    }

    [Fact]
    public void Make_NullOrNegative_Throws()
    {
        Assert.Throws<ArgumentNullException>(() => PredictionInputs.Row((float[])null!));
        Assert.Throws<ArgumentNullException>(() => PredictionInputs.Row((Tensor<float>)null!));
        Assert.Throws<ArgumentNullException>(() => PredictionInputs.Rows((float[])null!, 1));
        Assert.Throws<ArgumentNullException>(() => PredictionInputs.Rows((Tensor<float>)null!));
        Assert.Throws<ArgumentOutOfRangeException>(() => PredictionInputs.Rows(new float[1], -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => PredictionInputs.Rows<float>(new float[1].AsMemory(), -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => PredictionInputs.Rows(-1, PredictionInput.Scalar("x", 1)));
        Assert.Throws<ArgumentNullException>(() => PredictionInput.Tensor(null!, new float[1]));
        Assert.Throws<ArgumentNullException>(() => PredictionInput.Tensor("x", (float[])null!));
        Assert.Throws<ArgumentNullException>(() => PredictionInput.Tensor("x", (Tensor<float>)null!));
        Assert.Throws<ArgumentNullException>(() => PredictionInput.SequenceOf("x", null!));
        Assert.Throws<ArgumentNullException>(() => PredictionInput.MapOf<long, float>("x", null!));
        Assert.Throws<ArgumentNullException>(() => PredictionInput.Absent(null!));
    }

    [Fact]
    public void Row_EachElementType_ComesBackBitForBit()
    {
        RoundTrip([1.5f, float.NaN, float.NegativeInfinity, float.Epsilon], ElementType.Float);
        RoundTrip([1.5, double.NaN, double.MinValue, -0.0], ElementType.Double);
        RoundTrip([(Half)1.5f, Half.NaN, Half.MaxValue, Half.Epsilon], ElementType.Float16);
        RoundTrip([(BFloat16)1.5f, BFloat16.FromBits(0x7FC1), BFloat16.FromBits(1), BFloat16.FromBits(0xFF80)], ElementType.BFloat16);
        RoundTrip([byte.MinValue, byte.MaxValue, (byte)1, (byte)2], ElementType.UInt8);
        RoundTrip([sbyte.MinValue, sbyte.MaxValue, (sbyte)-1, (sbyte)0], ElementType.Int8);
        RoundTrip([ushort.MinValue, ushort.MaxValue, (ushort)1, (ushort)2], ElementType.UInt16);
        RoundTrip([short.MinValue, short.MaxValue, (short)-1, (short)0], ElementType.Int16);
        RoundTrip([uint.MinValue, uint.MaxValue, 1u, 2u], ElementType.UInt32);
        RoundTrip([int.MinValue, int.MaxValue, -1, 0], ElementType.Int32);
        RoundTrip([ulong.MinValue, ulong.MaxValue, 1ul, 2ul], ElementType.UInt64);
        RoundTrip([long.MinValue, long.MaxValue, -1L, 0L], ElementType.Int64);
        RoundTrip([true, false, true, true], ElementType.Bool);
        RoundTrip(["", "ä€𝄞", "a\0b", new string('x', 5000)], ElementType.String);
    }

    [Fact]
    public void Row_PartOfAnArray_ReadsThatPart()
    {
        using var predictor = TinyModels.Affine().Load();
        var values = Enumerable.Range(0, 20).Select(static i => (float)i).ToArray();
        foreach (var start in new[] { 0, 1, 16 })
        {
            using var prediction = Ask.The(predictor, PredictionInputs.Row<float>(values.AsMemory(start, 4)));
            Assert.Equal(values[start..(start + 4)].Select(Affine), prediction.EnsureOk()["y"].ToArray<float>());
        }
    }

    [Fact]
    public void Row_MemoryThatIsNoArray_IsRead()
    {
        using var predictor = TinyModels.Affine().Load();
        using var owned = new OwnedMemory<float>([9, 1, 2, 3, 4, 9]);
        using var prediction = Ask.The(predictor, PredictionInputs.Row<float>(owned.Memory[1..5]));
        Assert.Equal([3, 5, 7, 9], prediction.EnsureOk()["y"].ToArray<float>());

        using var identity = TinyModels.Identity(ElementType.String, "N", 2).Load();
        using var strings = new OwnedMemory<string>(["z", "a", "b"]);
        using var texts = Ask.The(identity, PredictionInputs.Row<string>(strings.Memory[1..]));
        Assert.Equal(["a", "b"], texts.EnsureOk()["y"].ToArray<string>());
    }

    [Fact]
    public void Row_DefaultMemory_IsEmpty()
    {
        using var predictor = TinyModels.Affine().Load();
        Ask.TheError(predictor, PredictionInputs.Row(default(ReadOnlyMemory<float>)), PredictionErrorCode.InputLengthMismatch);
        using var none = Ask.The(predictor, PredictionInputs.Rows(default(ReadOnlyMemory<float>), 0));
        Assert.Equal([0, 4], none.EnsureOk()["y"].Shape.ToArray());
    }

    [Fact]
    public void Rows_TensorOfEveryLayout_IsReadInLogicalOrder()
    {
        using var predictor = TinyModels.FreeLength().Load();
        var whole = Tensor.Create(Enumerable.Range(0, 24).Select(static i => (float)i).ToArray(), [4, 6]);
        Check(predictor, whole);
        Check(predictor, whole.Slice([1..3, 0..6]));
        Check(predictor, whole.Slice([0..4, 2..5]));
        Check(predictor, whole.Slice([1..2, 3..4]));
        Check(predictor, Tensor.Transpose(whole));
        Check(predictor, Tensor.Create(new float[] { 1, 2, 3, 4, 5, 6 }, [2, 3], [1, 2]));
        Check(predictor, Tensor.Create(new float[] { 1, 2, 3 }, [2, 3], [0, 1]));
        Check(predictor, Tensor.Create(new float[] { 9, 1, 2, 3, 4 }, 1, [2, 2], []));
    }

    [Fact]
    public void Rows_TensorOfStringsWithGaps_IsReadInLogicalOrder()
    {
        using var predictor = TinyModels.Identity(ElementType.String, "N", 2).Load();
        var sliced = Tensor.Create(["a", "b", "c", "d", "e", "f"], [2, 3]).Slice([0..2, 1..3]);
        using var prediction = Ask.The(predictor, PredictionInputs.Rows(sliced));
        Assert.Equal(["b", "c", "e", "f"], prediction.EnsureOk()["y"].ToArray<string>());
    }

    [Fact]
    public void Row_ArrayChangesAfterTheAnswer_TheAnswerStays()
    {
        using var predictor = TinyModels.Affine().Load();
        var values = new float[] { 1, 2, 3, 4 };
        using var first = Ask.The(predictor, PredictionInputs.Row(values));
        Array.Fill(values, 100);
        Assert.Equal([3, 5, 7, 9], first["y"].ToArray<float>());
        using var second = Ask.The(predictor, PredictionInputs.Row(values));
        Assert.Equal([3, 5, 7, 9], first["y"].ToArray<float>());
        Assert.Equal([201, 201, 201, 201], second["y"].ToArray<float>());
    }

    [Fact]
    public void Scalar_ForAModelOfOneNumber_HasNoAxis()
    {
        using var predictor = TinyModels.Identity(ElementType.Double).Load();
        using var prediction = Ask.The(predictor, PredictionInputs.Row(PredictionInput.Scalar("x", 2.5)));
        Assert.Equal(2.5, prediction.EnsureOk()["y"].ToScalar<double>());
        Assert.Equal(0, prediction["y"].Shape.Length);
        Ask.TheError(predictor, PredictionInputs.Row(new double[2]), PredictionErrorCode.InputLengthMismatch);
        Ask.TheError(
            predictor, PredictionInputs.Row(PredictionInput.Tensor("x", new double[1], [1])), PredictionErrorCode.InputRankMismatch);
    }

    private static float Affine(float value) => (2 * value) + 1;

    private static void Check(OnnxPredictor predictor, Tensor<float> tensor)
    {
        var expected = new float[tensor.FlattenedLength];
        tensor.FlattenTo(expected);
        using var prediction = Ask.The(predictor, PredictionInputs.Rows(tensor));
        Assert.Equal([tensor.Lengths[0], tensor.Lengths[1]], prediction.EnsureOk()["y"].Shape.ToArray());
        Assert.Equal(expected.Select(Affine), prediction["y"].ToArray<float>());
    }

    private static void RoundTrip<T>(T[] values, ElementType type)
    {
        // What passes a NaN on is not known to take it.
        var options = new OnnxModelOptions { NonFiniteInputs = { ["*"] = NonFiniteValues.All } };
        using var predictor = TinyModels.Identity(type, "N", 4).Load(options);
        Assert.True(predictor.Signature.IsBatchable, $"{type}: {predictor.Signature.BatchingNote}");
        for (var run = 0; run < 3; run++)
        {
            using var row = Ask.The(predictor, PredictionInputs.Row(values));
            Same(values, row.EnsureOk()["y"].ToArray<T>());
            Assert.Equal(type, row["y"].ElementType);
            Assert.Equal([4], row["y"].Shape.ToArray());

            T[] twice = [.. values, .. values.Reverse()];
            using var rows = Ask.The(predictor, PredictionInputs.Rows(Tensor.Create(twice, [2, 4])));
            Same(twice, rows.EnsureOk()["y"].ToArray<T>());
            Same(twice, rows["y"].ToTensor<T>().ToArray());

            T[] padded = [values[0], .. values, values[0], .. values];
            using var sliced = Ask.The(predictor, PredictionInputs.Rows(Tensor.Create(padded, [2, 5]).Slice([0..2, 1..5])));
            Same([.. values, .. values], sliced.EnsureOk()["y"].ToArray<T>());
        }
    }

    private static void Same<T>(T[] expected, T[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.True(EqualityComparer<T>.Default.Equals(expected[i], actual[i]), $"{expected[i]} became {actual[i]}");
    }
}
