using Xunit;

namespace MlServe.Quantization.Evaluation;

/// <summary>What could not be compared, or by too few rows, is not passed.</summary>
public class OutputJudgeTests
{
    private static readonly OutputComparison Classes = new()
    {
        Name = "y",
        ElementType = "float",
        Metric = OutputMetric.Classes,
        Rank = 2,
        Values = 100,
        Rows = 10,
        Compared = 10,
        SnrDb = 40,
        SnrLowDb = 35,
        Agreement = 1,
        AgreementLow = 0.99,
    };

    [Theory]
    [InlineData(1, 0.97, CheckOutcome.Held)]
    [InlineData(1, 0.47, CheckOutcome.NotMade)] // all of four rows
    [InlineData(0.96, 0.95, CheckOutcome.NotHeld)]
    [InlineData(0.98, 0.96, CheckOutcome.NotMade)]
    public void Judge_AgreementInTheEnd_IsThatOfTheLowerBound(double share, double low, CheckOutcome expected)
    {
        var output = Classes with { Agreement = share, AgreementLow = low };
        var check = OutputJudge.Judge(new(), output, isMadeUp: false, isFinal: true)
            .Single(static check => check.Name == "agreement of 'y'");
        Assert.Equal(expected, check.Outcome);
        Assert.Equal(
            expected == CheckOutcome.NotMade, check.Text.Contains("not enough rows, 99 without a miss would do", StringComparison.Ordinal));
        Assert.Equal(share >= 0.97, OutputJudge.Judge(new(), output, isMadeUp: false, isFinal: false).All(static check => check.Passed));
    }

    [Theory]
    [InlineData(0.985, 512, true)]
    [InlineData(0.975, 512, false)] // twice as many would show 0.965
    [InlineData(0.975, 8000, true)]
    [InlineData(0.975, 40, true)] // twice as many show nothing: the last word says so
    [InlineData(0.96, 40, false)]
    public void Judge_AgreementOnTheWay_IsWhatTheLastWordWillShow(double share, int rows, bool passes) =>
        Assert.Equal(
            passes,
            OutputJudge.Judge(new(), Classes with { Agreement = share, Compared = rows }, isMadeUp: false, isFinal: false)
                .All(static check => check.Passed));

    [Theory]
    [InlineData(25, 20.0, CheckOutcome.Held)]
    [InlineData(25, 19.0, CheckOutcome.NotMade)]
    [InlineData(25, null, CheckOutcome.NotMade)] // one row
    [InlineData(19, 19.0, CheckOutcome.NotHeld)]
    public void Judge_NoiseInTheEnd_IsThatOfTheLowerBound(double snr, double? low, CheckOutcome expected)
    {
        var output = Classes with { Metric = OutputMetric.Regression, SnrDb = snr, SnrLowDb = low };
        Assert.Equal(expected, OutputJudge.Judge(new(), output, isMadeUp: false, isFinal: true).Single().Outcome);
    }

    [Theory]
    [InlineData(OutputMetric.Classes)]
    [InlineData(OutputMetric.Sequence)]
    [InlineData(OutputMetric.Regression)]
    [InlineData(OutputMetric.Boxes)]
    [InlineData(OutputMetric.Embedding)]
    public void Judge_NothingToCompare_IsNotPassed(OutputMetric metric)
    {
        // NaN on all samples, and zero on all samples.
        foreach (var output in new[] { Classes with { Values = 0, SnrDb = null, Agreement = null },
            Classes with { IsDead = true, SnrDb = double.PositiveInfinity } })
        {
            foreach (var isFinal in new[] { true, false })
            {
                var check = OutputJudge.Judge(new(), output with { Metric = metric }, isMadeUp: false, isFinal).Single();
                Assert.Equal(CheckOutcome.NotMade, check.Outcome);
                Assert.Contains("nothing was compared", check.Text, StringComparison.Ordinal);
            }

            Assert.Equal(
                CheckOutcome.NotMade,
                OutputJudge.Judge(
                    new() { MinSnrDb = null, MinAgreement = null }, output with { Metric = metric }, isMadeUp: true,
                    isFinal: true).Single().Outcome);
        }
    }

    [Fact]
    public void Judge_NoTensor_IsNotPassed() =>
        Assert.Equal(
            CheckOutcome.NotMade,
            OutputJudge.Judge(
                new(), new() { Name = "y", ElementType = "none", Metric = OutputMetric.Equal }, isMadeUp: false,
                isFinal: true).Single().Outcome);

    [Theory]
    [InlineData(OutputMetric.None, "")]
    [InlineData(OutputMetric.Equal, "agreement")]
    [InlineData(OutputMetric.Classes, "noise agreement")]
    [InlineData(OutputMetric.Sequence, "noise agreement")]
    [InlineData(OutputMetric.Regression, "noise")]
    [InlineData(OutputMetric.Boxes, "noise")]
    [InlineData(OutputMetric.Embedding, "neighbours ranks")]
    [InlineData(OutputMetric.FirstToken, "neighbours ranks")]
    public void Judge_Metric_SaysWhatIsAsked(OutputMetric metric, string expected) =>
        Assert.Equal(
            expected,
            string.Join(
                ' ',
                OutputJudge.Judge(new(), Classes with { Metric = metric, RankCorrelation = 1 }, isMadeUp: false, isFinal: true)
                    .Select(static check => check.Name.Split(' ')[0])));

    [Theory]
    [InlineData(0.95, 0.91, 0.985, true)]
    [InlineData(0.95, 0.89, 0.985, false)]
    [InlineData(0.95, 0.91, 0.979, false)]
    public void Judge_Vectors_NeedNeighboursAndRanks(double neighbours, double low, double ranks, bool passes)
    {
        var output = Classes with
        {
            Metric = OutputMetric.Embedding,
            Agreement = neighbours,
            AgreementLow = low,
            RankCorrelation = ranks,
            SnrDb = 5,
        };
        Assert.Equal(passes, OutputJudge.Judge(new(), output, isMadeUp: false, isFinal: true).All(static check => check.Passed));
    }
}
