using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Load;

public class ArrivalScheduleTests
{
    [Fact]
    public void TryNext_SameSeed_GivesTheSameArrivals()
    {
        RatePhase[] phases = [new(500, 2), new(50, 2, 1)];

        Assert.Equal(All(phases, 7), All(phases, 7));
        Assert.NotEqual(All(phases, 7), All(phases, 8));
    }

    [Fact]
    public void TryNext_OneRate_IsAPoissonProcess()
    {
        var arrivals = All([new(1000, 100)], 1);
        var gaps = arrivals.Zip(arrivals.Skip(1), static (first, second) => (second.Due - first.Due) / 1e9).ToArray();
        var mean = gaps.Average();
        var deviation = Math.Sqrt(gaps.Average(gap => (gap - mean) * (gap - mean)));

        // Of exponential gaps mean and deviation are equal; five standard errors of 100,000 arrivals are 1.6 %.
        Assert.InRange(arrivals.Count, 98_400, 101_600);
        Assert.InRange(deviation / mean, 0.97, 1.03);
        Assert.Equal(Enumerable.Range(0, arrivals.Count).Select(static i => (long)i), arrivals.Select(static arrival => arrival.Index));
    }

    [Fact]
    public void TryNext_SeveralPhases_EachHasItsRateAndGroup()
    {
        var arrivals = All([new(1000, 20), new(0, 5, 1), new(3000, 10, 2)], 3);

        Assert.InRange(arrivals.Count(static arrival => arrival.Group == 0), 19_200, 20_800);
        Assert.DoesNotContain(arrivals, static arrival => arrival.Group == 1);
        Assert.InRange(arrivals.Count(static arrival => arrival.Group == 2), 29_000, 31_000);
        Assert.All(arrivals, static arrival => Assert.Equal(arrival.Group, arrival.Due < 20e9 ? 0 : 2));
        Assert.All(arrivals, static arrival => Assert.True(arrival.Due is < 20_000_000_000 or >= 25_000_000_000));
    }

    [Fact]
    public void BurstPhases_OverAPeriod_HaveTheMeanThatWasAskedFor()
    {
        var phases = BurstScenario.Phases(1000, 20);
        var arrivals = All(phases, 5);

        Assert.Equal(1000, phases.Sum(static phase => phase.Rate * phase.Seconds) / phases.Sum(static phase => phase.Seconds), 9);
        Assert.InRange(arrivals.Count, 98_400, 101_600);
        Assert.InRange(arrivals.Count(static arrival => arrival.Group == 0) / 20.0, 2900, 3100);
        Assert.InRange(arrivals.Count(static arrival => arrival.Group == 1) / 80.0, 480, 520);
    }

    private static List<Arrival> All(IReadOnlyList<RatePhase> phases, int seed)
    {
        var schedule = new ArrivalSchedule(phases, seed);
        var all = new List<Arrival>();
        while (schedule.TryNext(out var arrival))
            all.Add(arrival);
        return all;
    }
}
