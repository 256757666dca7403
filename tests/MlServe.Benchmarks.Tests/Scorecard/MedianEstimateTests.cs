using CsCheck;

namespace MlServe.Benchmarks.Scorecard;

public sealed class MedianEstimateTests
{
    // The ranks of the sign test's interval, from tables of the binomial distribution (n, p = 1/2, 95 %); fewer than 6 values cannot give
    // 95 %.
    [Theory]
    [InlineData(5, 1, 5)]
    [InlineData(6, 1, 6)]
    [InlineData(8, 1, 8)]
    [InlineData(9, 2, 8)]
    [InlineData(10, 2, 9)]
    [InlineData(11, 2, 10)]
    [InlineData(12, 3, 10)]
    [InlineData(15, 4, 12)]
    [InlineData(20, 6, 15)]
    [InlineData(21, 6, 16)]
    [InlineData(25, 8, 18)]
    public void Of_Ranks_AreThoseOfTheBinomialTable(int count, int low, int high)
    {
        var estimate = MedianEstimate.Of([.. Enumerable.Range(1, count).Select(static value => (double)value).Reverse()]);

        Assert.Equal((low, high), (estimate.Low, estimate.High));
        Assert.Equal((count + 1) / 2.0, estimate.Median);
    }

    [Fact]
    public void Of_AnyValues_ContainsTheMedianAndIsOfTheValues() => Gen.Double[-1e6, 1e6].Array[1, 60].Sample(static values =>
    {
        var estimate = MedianEstimate.Of(values);
        return estimate.Low <= estimate.Median && estimate.Median <= estimate.High && values.Contains(estimate.Low)
            && values.Contains(estimate.High);
    });
}
