using MlServe.Monitoring;

namespace MlServe.Tests.Monitoring;

public sealed class ModelStatisticsTests
{
    [Fact]
    public async Task Counters_ManyThreads_LoseNothing()
    {
        var statistics = new ModelStatistics("m");

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(
            () =>
            {
                for (var i = 0; i < 10_000; i++)
                {
                    statistics.Begin();
                    statistics.AddDuration(3);
                    statistics.End(i % PredictionOutcome.Count);
                    Assert.True(statistics.Active >= 0);
                }
            },
            TestContext.Current.CancellationToken)));

        Assert.Equal(80_000, statistics[ModelStatistics.Started]);
        Assert.Equal(80_000, statistics[ModelStatistics.Timed]);
        Assert.Equal(240_000, statistics[ModelStatistics.Nanoseconds]);
        Assert.Equal(
            80_000, Enumerable.Range(0, PredictionOutcome.Count).Sum(outcome => statistics[ModelStatistics.Outcomes + outcome]));
        Assert.Equal(0, statistics.Active);
    }

    [Fact]
    public void MoveTo_Counters_TakesThemAlong()
    {
        var statistics = new ModelStatistics("m");
        var totals = new long[ModelStatistics.Count];
        statistics.Begin();
        statistics.End(PredictionOutcome.Cancelled);

        statistics.MoveTo(totals);
        statistics.MoveTo(totals);

        Assert.Equal(1, totals[ModelStatistics.Started]);
        Assert.Equal(1, totals[ModelStatistics.Outcomes + PredictionOutcome.Cancelled]);
        Assert.Equal(2, totals.Sum());
        Assert.Equal(0, statistics[ModelStatistics.Started]);
    }

    [Fact]
    public void Outcome_Statuses_HaveNumbersOfTheirOwn()
    {
        var statuses = Enum.GetValues<PredictionStatus>();

        Assert.Equal(Enumerable.Range(0, PredictionOutcome.Cancelled), statuses.Select(PredictionOutcome.Of).Order());
        Assert.Equal((int)PredictionStatus.Failed, PredictionOutcome.Of((PredictionStatus)99));
        Assert.Equal((int)PredictionStatus.Failed, PredictionOutcome.Of((PredictionStatus)(-1)));
    }
}
