using MlServe.Benchmarks.Measurement;
using MlServe.Benchmarks.Scorecard;

namespace MlServe.Benchmarks.Scorecard;

public sealed class ScorecardRowTests
{
    [Theory]
    [InlineData(1.1, 1.2, "met")]
    [InlineData(1.0, 1.2, "met")] // a goal is reached where it is touched
    [InlineData(0.9, 1.2, "undecided")]
    [InlineData(0.9, 1.0, "undecided")]
    [InlineData(0.8, 0.9, "not met")]
    [InlineData(double.NegativeInfinity, 1.2, "undecided")]
    public void Verdict_HigherIsBetter_NeedsTheWholeInterval(double low, double high, string expected) =>
        Assert.Equal(expected, Verdict(Claim.AtLeast("a", "ratio", 1), low, high));

    [Theory]
    [InlineData(0.8, 0.9, "met")]
    [InlineData(0.8, 1.0, "met")]
    [InlineData(0.8, 1.1, "undecided")]
    [InlineData(1.0, 1.1, "undecided")]
    [InlineData(1.1, 1.2, "not met")]
    [InlineData(0.8, double.PositiveInfinity, "undecided")]
    public void Verdict_LowerIsBetter_NeedsTheWholeInterval(double low, double high, string expected) =>
        Assert.Equal(expected, Verdict(Claim.AtMost("a", "ratio", 1), low, high));

    [Theory]
    [InlineData(0.0, "met")]
    [InlineData(0.5, "met")]
    [InlineData(0.501, "not met")]
    public void Verdict_Count_IsNeverUndecided(double count, string expected) =>
        Assert.Equal(expected, ScorecardText.Name(Claim.AtMost("a", "B", 0.5).Row(count, "").Verdict));

    [Fact]
    public void Verdict_WithoutValue_IsNotAvailable()
    {
        var row = Claim.AtMost("a", "B", 0.5).NotAvailable("no model");

        Assert.Equal("n/a", ScorecardText.Name(row.Verdict));
        Assert.Null(row.Interval);
        Assert.Equal("no model", row.Note);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Row_OfNoFiniteMedian_IsNotAvailable(double median)
    {
        var row = Claim.AtMost("a", "ratio", 1).Row(new MedianEstimate(median, median, median), "5 callers");

        Assert.Null(row.Value);
        Assert.Equal("no finite value; 5 callers", row.Note);
    }

    private static string Verdict(Claim claim, double low, double high) =>
        ScorecardText.Name(claim.Row(new MedianEstimate(Math.Clamp(1, low, high), low, high), "").Verdict);
}
