using CsCheck;
using Xunit;

namespace MlServe.Quantization.Rewriting.Static;

public class ScaleAndZeroTests
{
    private static readonly Gen<float> Values = Gen.Float[-1000, 1000];

    [Fact]
    public void OfRange_AnyRange_IsTheFormulaAndKeepsZeroExact() => Gen.Select(Values, Values, Gen.Bool).Sample(static (a, b, isSigned) =>
    {
        var (low, high) = isSigned ? (-128, 127) : (0, 255);
        var (min, max) = (Math.Min(Math.Min(a, b), 0d), Math.Max(Math.Max(a, b), 0d));
        var found = ScaleAndZero.OfRange(new(Math.Min(a, b), Math.Max(a, b)), low, high);
        if (max - min < 1e-30) return;
        Assert.Equal((float)((max - min) / (high - low)), found.Scale);
        Assert.Equal(Math.Round(low - (min / ((max - min) / (high - low)))), found.Zero);
        Assert.InRange(found.Zero, low, high);
    });

    [Fact]
    public void OfRange_ValueInRange_ComesBackWithinHalfAStep() => Gen.Select(Values, Values, Gen.Double[0, 1]).Sample(static (a, b, at) =>
    {
        var range = new TensorRange(Math.Min(a, b), Math.Max(a, b));
        var (scale, zero) = ScaleAndZero.OfRange(range, 0, 255);
        var value = range.Min + (at * ((double)range.Max - range.Min));
        var integer = Math.Clamp(Math.Round(value / scale) + zero, 0, 255);

        // The zero point is rounded as well, so the ends of the range may lie up to half a step outside of what the integers reach.
        Assert.InRange(Math.Abs((scale * (integer - zero)) - value), 0, scale * 1.0001);
        if (integer is > 0 and < 255) Assert.InRange(Math.Abs((scale * (integer - zero)) - value), 0, scale * 0.5001);
    });

    [Theory]
    [InlineData(0, 0)]
    [InlineData(-1e-42f, 1e-42f)]
    public void OfRange_NothingButZero_IsOneAndTheLowestInteger(float min, float max)
    {
        Assert.Equal(new(1, 0), ScaleAndZero.OfRange(new(min, max), 0, 255));
        Assert.Equal(new(1, -128), ScaleAndZero.OfRange(new(min, max), -128, 127));
    }

    [Fact]
    public void OfRange_RangeWithoutZero_IsWidenedToIt()
    {
        Assert.Equal(new(4f / 255, 0), ScaleAndZero.OfRange(new(3, 4), 0, 255));
        Assert.Equal(new(4f / 255, 255), ScaleAndZero.OfRange(new(-4, -3), 0, 255));
    }

    [Fact]
    public void OfMagnitude_DenormalScale_IsOne() => Assert.Equal(1, ScaleAndZero.OfMagnitude(1e-40f, 127));
}
