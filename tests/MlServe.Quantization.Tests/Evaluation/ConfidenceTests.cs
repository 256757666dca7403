using MlServe.Quantization.Evaluation.Metrics;
using Xunit;

namespace MlServe.Quantization.Evaluation;

public class ConfidenceTests
{
    // Known values of Clopper and Pearson's one-sided bound at 95 %.
    [Theory]
    [InlineData(4, 4, 0.4729)]
    [InlineData(10, 10, 0.7411)]
    [InlineData(59, 59, 0.9505)]
    [InlineData(100, 100, 0.9705)]
    [InlineData(9, 10, 0.6058)]
    [InlineData(95, 100, 0.8977)]
    [InlineData(0, 10, 0)]
    public void LowerShare_OfWholeRows_IsClopperPearsons(int agreed, int rows, double expected) =>
        Assert.Equal(expected, Confidence.LowerShare(agreed, rows), 3);

    [Fact]
    public void LowerShare_OfPartsOfRows_LiesBelowTheShare()
    {
        Assert.InRange(Confidence.LowerShare(95.5, 100), 0.88, 0.955);
        Assert.Equal(0, Confidence.LowerShare(0, 0));
    }

    [Theory]
    [InlineData(0.97, 99)]
    [InlineData(0.99, 299)]
    public void RowsFor_Share_IsWhatShowsItWithoutAMiss(double share, int rows)
    {
        Assert.Equal(rows, Confidence.RowsFor(share));
        Assert.True(Confidence.LowerShare(rows, rows) >= share && Confidence.LowerShare(rows - 1, rows - 1) < share);
    }

    /// <summary>What is bounded holds for fresh rows about as often as it says.</summary>
    [Fact]
    public void LowerSnrDb_FreshRows_AreSeldomWorse()
    {
        var random = new Random(5);
        var (kept, tries) = (0, 300);
        for (var i = 0; i < tries; i++)
        {
            double[] noises = [.. Enumerable.Range(0, 60).Select(_ => Math.Exp(random.NextDouble() * 3))],
                signals = [.. noises.Select(static _ => 100.0)];
            var truth = 10 * Math.Log10(100 / ((Math.Exp(3) - 1) / 3));
            if (Confidence.LowerSnrDb(signals, noises) <= truth) kept++;
        }

        Assert.InRange(kept, tries * 0.9, tries);
    }

    [Theory]
    [InlineData(new float[] { 1, 2, 3 }, new float[] { 10, 20, 30 }, 1)]
    [InlineData(new float[] { 1, 2, 3 }, new float[] { 3, 2, 1 }, -1)]
    [InlineData(new float[] { 1, 2, 3, 4, 5 }, new float[] { 2, 1, 4, 3, 5 }, 0.8)]
    [InlineData(new float[] { 1, 1, 1 }, new float[] { 1, 2, 3 }, 0)]
    public void Correlation_OfRanks_IsSpearmans(float[] left, float[] right, double expected) =>
        Assert.Equal(expected, Ranks.Correlation(left, right), 9);
}
