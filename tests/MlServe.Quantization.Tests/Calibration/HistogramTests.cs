using System.Numerics.Tensors;
using CsCheck;
using Xunit;

namespace MlServe.Quantization.Calibration;

public class HistogramTests
{
    [Fact]
    public void Quantile_AnyValuesInAnyOrder_IsWithinABinOfTheSortedOnes() =>
        Gen.Select(Gen.Float[-100, 100].Array[1, 200], Gen.Float[-1e6f, 1e6f].Array[1, 20], Gen.Double[0.01, 0.99])
            .Sample(static (first, second, share) =>
        {
            var histogram = new Histogram();
            foreach (var values in new[] { first, second })
                histogram.Add(values, TensorPrimitives.Min<float>(values), TensorPrimitives.Max<float>(values));
            float[] sorted = [.. first.Concat(second).Order()];
            Assert.Equal(sorted.Length, histogram.Total + histogram.Zeros);
            Assert.Equal(histogram.Total, histogram.Counts.ToArray().Sum());
            var expected = sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Length) - 1, 0, sorted.Length - 1)];
            Assert.InRange(histogram.Quantile(share), expected - (histogram.Width * 1.01), expected + (histogram.Width * 1.01));
        });

    [Fact]
    public void Mse_OneOutlier_IsClippedAndManyAreNot()
    {
        var random = new Random(3);
        float[] values = [.. Enumerable.Range(0, 1_000_000).Select(_ => random.NextSingle()), 4];
        var histogram = new Histogram();
        histogram.Add(values, 0, 4);
        Assert.InRange(HistogramRanges.Mse(histogram, new(0, 4)).Max, 0.9f, 3);
        var flat = new Histogram();
        flat.Add(values.AsSpan(0, 1_000_000), 0, 1);
        Assert.InRange(HistogramRanges.Mse(flat, new(0, 1)).Max, 0.97f, 1);
    }
}
