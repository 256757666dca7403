using System.Numerics;
using CsCheck;

namespace MlServe.Tensors;

public sealed class ShapesTests
{
    [Theory]
    [InlineData(new long[0], 1)]
    [InlineData(new long[] { 0 }, 0)]
    [InlineData(new long[] { 2, 3, 4 }, 24)]
    [InlineData(new long[] { -1 }, -1)]
    [InlineData(new long[] { 5, -1 }, -1)]
    [InlineData(new long[] { long.MaxValue }, long.MaxValue)]
    [InlineData(new long[] { long.MaxValue, 2 }, -1)]
    [InlineData(new long[] { 1L << 32, 1L << 31 }, -1)]
    [InlineData(new long[] { 1L << 32, 1L << 32 }, -1)]
    [InlineData(new long[] { 1L << 62, 4 }, -1)]
    [InlineData(new long[] { 0, long.MaxValue, long.MaxValue }, 0)]
    [InlineData(new long[] { long.MinValue, 2 }, -1)]
    public void Count_Shape_IsTheProductOrMinusOne(long[] shape, long expected) => Assert.Equal(expected, Shapes.Count(shape));

    [Fact]
    public void Count_AnyPositiveShape_EqualsTheProductInWideArithmetic() => Gen.Long[1, long.MaxValue].Array[0, 5].Sample(shape =>
    {
        var product = shape.Aggregate(BigInteger.One, static (left, right) => left * right);
        Assert.Equal(product > long.MaxValue ? -1 : (long)product, Shapes.Count(shape));
    });

    [Fact]
    public void CountBeforeAndAfter_SplitTheProduct() => Gen.Select(Gen.Long[0, 9].Array[1, 5], Gen.Int[0, 4]).Sample((shape, axis) =>
    {
        axis %= shape.Length;
        Assert.Equal(Shapes.Count(shape), Shapes.CountBefore(shape, axis) * shape[axis] * Shapes.CountAfter(shape, axis));
        Assert.Equal([.. shape.Take(axis), .. shape.Skip(axis + 1)], Shapes.Without(shape, axis));
    });

    [Fact]
    public void Format_FreeSizes_AreQuestionMarks() => Assert.Equal("[2,?,0]", Shapes.Format([2, -1, 0]));
}
