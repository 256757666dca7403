using CsCheck;

namespace MlServe.Tensors;

public sealed class BFloat16Tests
{
    [Theory]
    [InlineData(0f, 0x0000)]
    [InlineData(-0f, 0x8000)]
    [InlineData(1f, 0x3F80)]
    [InlineData(-2f, 0xC000)]
    [InlineData(float.PositiveInfinity, 0x7F80)]
    [InlineData(float.NegativeInfinity, 0xFF80)]
    [InlineData(float.MaxValue, 0x7F80)]
    [InlineData(float.Epsilon, 0x0000)]
    public void FromSingle_KnownValue_HasItsBits(float value, int bits) => Assert.Equal(bits, BFloat16.FromSingle(value).Bits);

    [Theory]
    [InlineData(0x3F808000, 0x3F80)] // halfway, even below
    [InlineData(0x3F818000, 0x3F82)] // halfway, odd below
    [InlineData(0x3F808001, 0x3F81)] // just over halfway
    [InlineData(0x3F817FFF, 0x3F81)] // just under halfway
    [InlineData(0x7F7F7FFF, 0x7F7F)] // the largest that stays finite
    [InlineData(0x7F7F8000, 0x7F80)] // carries into infinity
    [InlineData(0x00008000, 0x0000)] // subnormal tie to zero
    [InlineData(0x00018000, 0x0002)] // subnormal tie to even
    [InlineData(0x007FFFFF, 0x0080)] // subnormal carries into the smallest normal
    public void FromSingle_Rounding_TiesToEven(uint single, int bits) =>
        Assert.Equal(bits, BFloat16.FromSingle(BitConverter.UInt32BitsToSingle(single)).Bits);

    [Theory]
    [InlineData(0x7F800001u)]
    [InlineData(0x7FC00000u)]
    [InlineData(0xFFFFFFFFu)]
    [InlineData(0x7F80FFFFu)]
    public void FromSingle_NaN_StaysNaN(uint single) =>
        Assert.True(float.IsNaN(BFloat16.FromSingle(BitConverter.UInt32BitsToSingle(single))));

    [Fact]
    public void ToSingle_EveryValue_ComesBackTheSame()
    {
        for (var bits = 0; bits <= ushort.MaxValue; bits++)
        {
            var value = BFloat16.FromBits((ushort)bits);
            var back = (BFloat16)value.ToSingle();
            if (float.IsNaN(value)) Assert.True(float.IsNaN(back));
            else Assert.Equal(bits, back.Bits);
        }
    }

    [Fact]
    public void FromSingle_AnyNumber_IsTheNearestOfAll() => Gen.UInt.Sample(bits =>
    {
        var value = BitConverter.UInt32BitsToSingle(bits);
        if (!float.IsFinite(value)) return;
        var rounded = (BFloat16)value;

        // In double, where differences are exact; infinity stands where the next number would be.
        static double At(int magnitude) => magnitude == 0x7F80 ? Math.ScaleB(1, 128) : BFloat16.FromBits((ushort)magnitude);
        var below = (int)((bits & 0x7FFFFFFF) >> 16);
        var (down, up) = (Math.Abs(value) - At(below), At(below + 1) - Math.Abs(value));
        var expected = down < up ? below : up < down ? below + 1 : below + (below & 1);
        Assert.Equal(expected, rounded.Bits & 0x7FFF);
        Assert.Equal(bits >> 31, (uint)rounded.Bits >> 15);
    }, iter: 20_000);

    [Fact]
    public void Equals_ComparesBits()
    {
        var nan = BFloat16.FromSingle(float.NaN);
        Assert.True(nan.Equals((object)nan));
        Assert.True(BFloat16.FromSingle(1) == (BFloat16)1f);
        Assert.True(BFloat16.FromSingle(0) != (BFloat16)(-0f));
        Assert.False(nan.Equals("NaN"));
        Assert.Equal(nan.GetHashCode(), nan.GetHashCode());
        Assert.Equal("1.5", BFloat16.FromSingle(1.5f).ToString());
    }
}
