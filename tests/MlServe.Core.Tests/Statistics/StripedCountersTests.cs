using MlServe.Statistics;

namespace MlServe.Tests.Statistics;

public sealed class StripedCountersTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(23)]
    public void Count_ByManyThreads_LosesNothing(int counters)
    {
        var counts = new StripedCounters(counters);
        Parallel.For(0, 8, thread =>
        {
            for (var i = 0; i < 10_000; i++)
            {
                counts.Count(i % counters);
                counts.Add((i + thread) % counters, 2);
            }
        });

        Assert.Equal(8 * 30_000, Enumerable.Range(0, counters).Sum(counter => counts[counter]));
        Assert.All(
            Enumerable.Range(0, counters),
            counter => Assert.InRange(counts[counter], 8 * 30_000 / counters - 80, (8 * 30_000 / counters) + 80));
    }

    [Fact]
    public void MoveTo_WhileOthersCount_NothingIsLostAndNothingIsThereTwice()
    {
        var counts = new StripedCounters(3);
        var moved = new long[3];
        var counting = Task.Run(() => Parallel.For(0, 3_000_000, i => counts.Count(i % 3)));
        while (!counting.IsCompleted) counts.MoveTo(moved);
        counts.MoveTo(moved);
        Assert.Equal([1_000_000, 1_000_000, 1_000_000], moved);
        Assert.All(Enumerable.Range(0, 3), counter => Assert.Equal(0, counts[counter]));
    }

    [Fact]
    public void Count_OneThread_TellsHowFarItsStripeHasCounted()
    {
        var counts = new StripedCounters(2);
        var told = Enumerable.Range(0, 100).Select(_ => counts.Count(1)).ToList();
        Assert.Equal(100, counts[1]);
        Assert.Equal(0, counts[0]);

        // A thread may move from one core to another.
        Assert.All(told, count => Assert.InRange(count, 1, 100));
    }
}
