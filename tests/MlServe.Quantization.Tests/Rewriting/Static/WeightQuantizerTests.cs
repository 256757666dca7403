using CsCheck;
using Xunit;

namespace MlServe.Quantization.Rewriting.Static;

public class WeightQuantizerTests
{
    [Fact]
    public void Quantize_AnyWeights_ComeBackWithinHalfAStepOfTheirChannel() =>
        Gen.Select(Gen.Int[1, 4], Gen.Int[1, 5], Gen.Int[1, 6], Gen.Int[0, 2], Gen.Int[0, 1000]).Sample(static (a, b, c, axis, seed) =>
        {
            int[] shape = [a, b, c];
            var weights = Trial.Values(seed, a * b * c);
            var scales = WeightQuantizer.Magnitudes(weights, shape, axis)
                .Select(static magnitude => ScaleAndZero.OfMagnitude(magnitude, 127)).ToArray();
            var integers = WeightQuantizer.Quantize(weights, shape, axis, scales, 127);
            for (var i = 0; i < weights.Length; i++)
            {
                var channel = axis switch { 0 => i / (b * c), 1 => i / c % b, _ => i % c };
                Assert.InRange(Math.Abs((integers[i] * scales[channel]) - weights[i]), 0, scales[channel] * 0.5001f);
                Assert.InRange(integers[i], -127, 127);
            }
        });

    [Fact]
    public void Quantize_Halves_GoToTheEvenInteger() =>
        Assert.Equal(
            [0, 2, 2, 0, -2, -2, 100, -100],
            WeightQuantizer.Quantize([0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 300, -300], [1, 8], 0, [1], 100));

    [Fact]
    public void Scales_BiasBeyond32Bits_CoarsenTheWeights()
    {
        var scale = Assert.Single(WeightScales.Of([1e-6f], [100], 1e-3f, perChannel: true, 127));
        Assert.InRange(100 / (scale * 1e-3), 1 << 29, (1 << 30) * 1.001);
    }

    [Theory]
    [InlineData("Gemm", 1, 1, 1)]
    [InlineData("Gemm", 1, 0.8f, 1)]
    [InlineData("Gemm", 1, 0.5f, 2)]
    [InlineData("MatMul", 1, 1, 2)]
    [InlineData("Conv", 1, 1, 2)]
    public void Shared_ChannelsAboutAsWide_HaveOneScaleInAGemm(string operation, float wide, float narrow, int scales)
    {
        var shared = WeightScales.Shared(new(new() { OpType = operation }, new(), null, 1), [narrow, wide]);
        Assert.Equal(scales, shared.Length);
        Assert.Equal(wide, shared.Max());
    }

    [Fact]
    public void Scales_ChannelOfZeros_KeepsItsBiasExact()
    {
        var scales = WeightScales.Of([0, 1], [0.3f, 0.3f], 0.02f, perChannel: true, 127);
        var step = scales[0] * 0.02;
        Assert.Equal(0.3, Math.Round(0.3f / step) * step, 1e-6);
    }
}
