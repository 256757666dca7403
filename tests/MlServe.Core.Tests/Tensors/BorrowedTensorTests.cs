using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace MlServe.Tensors;

public class BorrowedTensorTests
{
    [Fact]
    public void From_Array_IsRead()
    {
        float[] values = [1, 2, 3, 4];
        var tensor = BorrowedTensor.From(values, [2, 2]);

        Assert.Equal(ElementType.Float, tensor.Type);
        Assert.Equal(4, tensor.Length);
        Assert.Equal(16, tensor.Bytes);
        Assert.Equal([2, 2], tensor.Shape!);
        Assert.True(tensor.AsSpan<float>() == values);
        AssertBytes([1, 2, 3, 4], tensor, together: true);
    }

    [Fact]
    public void From_PartOfAnArray_IsReadFromItsOffset()
    {
        float[] values = [1, 2, 3, 4, 5];
        var tensor = BorrowedTensor.From<float>(values.AsMemory(1, 3), null);

        Assert.Null(tensor.Shape);
        Assert.True(tensor.AsSpan<float>() == values.AsSpan(1, 3));
        AssertBytes([2, 3, 4], tensor, together: true);
    }

    [Fact]
    public void From_PartOfAMemoryManager_IsReadFromItsOffset()
    {
        using var manager = new Manager<float>([1, 2, 3, 4, 5]);
        var tensor = BorrowedTensor.From<float>(manager.Memory.Slice(1, 3), null);

        Assert.Equal(3, tensor.Length);
        Assert.Equal([2, 3, 4], tensor.AsSpan<float>());
        AssertBytes([2, 3, 4], tensor, together: false);
    }

    [Fact]
    public void From_Characters_AreRefused()
    {
        Assert.Throws<NotSupportedException>(static () => BorrowedTensor.From("text".AsMemory(), null));
    }

    [Fact]
    public void From_DenseTensor_TakesItsShape()
    {
        var tensor = BorrowedTensor.From(Tensor.Create<float>([1, 2, 3, 4, 5, 6], [2, 3]));

        Assert.Equal([2, 3], tensor.Shape!);
        Assert.Equal(6, tensor.Length);
        Assert.Equal([1, 2, 3, 4, 5, 6], tensor.AsSpan<float>());
        AssertBytes([1, 2, 3, 4, 5, 6], tensor, together: false);
    }

    [Fact]
    public void From_TensorWithGaps_IsFlattened()
    {
        var whole = Tensor.Create<float>([1, 2, 3, 4, 5, 6], [2, 3]);
        var tensor = BorrowedTensor.From(whole.Slice([0..2, 1..3]));

        Assert.Equal([2, 2], tensor.Shape!);
        Assert.Equal([2, 3, 5, 6], tensor.AsSpan<float>());
        AssertBytes([2, 3, 5, 6], tensor, together: false);
    }

    [Theory]
    [InlineData(new[] { 2, 3, 2 }, new[] { 6, 2, 1 }, true)]
    [InlineData(new[] { 12, 1 }, new[] { 1, 0 }, true)]
    [InlineData(new[] { 2, 1, 6 }, new[] { 6, 0, 1 }, true)]
    [InlineData(new[] { 3, 4 }, new[] { 1, 3 }, false)] // transposed: dense, in another order
    [InlineData(new[] { 3, 2, 2 }, new[] { 2, 6, 1 }, false)] // only the first two axes are swapped
    [InlineData(new[] { 2, 2, 3 }, new[] { 6, 1, 2 }, false)]
    public void From_StridedTensor_IsCopiedOnlyWhereTheOrderDiffers(int[] lengths, int[] strides, bool inPlace)
    {
        var values = Enumerable.Range(0, 12).ToArray();
        var tensor = BorrowedTensor.From(Tensor.Create(
            values, [.. lengths.Select(static x => (nint)x)], [.. strides.Select(static x => (nint)x)]));

        var expected = new List<int>();
        for (var i = 0; i < values.Length; i++)
        {
            var (rest, at) = (i, 0);
            for (var axis = lengths.Length - 1; axis >= 0; axis--)
            {
                at += rest % lengths[axis] * strides[axis];
                rest /= lengths[axis];
            }

            expected.Add(values[at]);
        }

        Assert.Equal([.. expected], tensor.AsSpan<int>());
        Assert.Equal(inPlace, Unsafe.AreSame(in values[0], in tensor.AsSpan<int>()[0]));
    }

    [Fact]
    public void From_DenseSlice_IsReadInPlaceFromWhereItBegins()
    {
        float[] values = [1, 2, 3, 4, 5, 6];
        var tensor = BorrowedTensor.From(Tensor.Create(values, [2, 3]).Slice([1..2, 0..3]));

        Assert.Equal([4, 5, 6], tensor.AsSpan<float>());
        Assert.True(Unsafe.AreSame(in values[3], in tensor.AsSpan<float>()[0]));
    }

    [Fact]
    public void FromBytes_Elements_AreThoseBytes()
    {
        var tensor = BorrowedTensor.FromBytes(ElementType.Int16, [1, 0, 2, 0], 2, [2]);

        Assert.Equal(ElementType.Int16, tensor.Type);
        Assert.Equal(2, tensor.Length);
        Assert.Equal(4, tensor.Bytes);
        Assert.True(tensor.TryGetBytes(out var bytes));
        Assert.Equal<byte>([1, 0, 2, 0], bytes);
        Assert.Equal<short>([1, 2], tensor.AsSpan<short>());
        Assert.True(tensor.AsSpan<int>().IsEmpty);
    }

    [Fact]
    public void Strings_HaveReferencesAndCharactersButNoBytes()
    {
        var tensor = BorrowedTensor.From<string>(["a", "bc"], null);

        Assert.Equal(16 + 6, tensor.Bytes);
        Assert.False(tensor.TryGetBytes(out _));
        Assert.Equal(["a", "bc"], tensor.AsSpan<string>());
        var exception = Assert.Throws<InvalidOperationException>(() => { TypedBytes.Of(tensor); });
        Assert.Equal("Elements of type string have no bytes.", exception.Message);
    }

    [Fact]
    public void Default_HasNothing()
    {
        BorrowedTensor tensor = default;

        Assert.True(tensor.TryGetBytes(out var bytes));
        Assert.True(bytes.IsEmpty);
        Assert.True(tensor.AsSpan<float>().IsEmpty);
    }

    [Fact]
    public void TypedBytes_EveryType_IsReadThroughAManager()
    {
        AssertThroughManager<float>([1, 2]);
        AssertThroughManager<double>([1, 2]);
        AssertThroughManager<Half>([(Half)1, (Half)2]);
        AssertThroughManager<BFloat16>([(BFloat16)1, (BFloat16)2]);
        AssertThroughManager<byte>([1, 2]);
        AssertThroughManager<sbyte>([1, 2]);
        AssertThroughManager<ushort>([1, 2]);
        AssertThroughManager<short>([1, 2]);
        AssertThroughManager<uint>([1, 2]);
        AssertThroughManager<int>([1, 2]);
        AssertThroughManager<ulong>([1, 2]);
        AssertThroughManager<long>([1, 2]);
        AssertThroughManager<bool>([true, false]);
    }

    private static void AssertThroughManager<T>(T[] values)
        where T : struct
    {
        using var manager = new Manager<T>(values);
        var direct = BorrowedTensor.From(values, null);
        var managed = BorrowedTensor.From<T>(manager.Memory, null);

        Assert.False(managed.TryGetBytes(out _));
        Assert.Equal(TypedBytes.Of(direct), TypedBytes.Of(managed));
        Assert.Equal(direct.Bytes, TypedBytes.Of(managed).Length);
    }

    private static void AssertBytes(float[] expected, BorrowedTensor tensor, bool together)
    {
        Assert.Equal(together, tensor.TryGetBytes(out var bytes));
        Assert.Equal(together ? expected.Length * sizeof(float) : 0, bytes.Length);
        Assert.Equal(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(expected), TypedBytes.Of(tensor));
    }

    private sealed class Manager<T>(T[] values) : MemoryManager<T>
    {
        public override Span<T> GetSpan() => values;

        public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException();

        public override void Unpin() => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
        }
    }
}
