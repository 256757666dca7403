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
        const int Moves = 2000;
        var counts = new StripedCounters(3);
        var moved = new long[3];
        var isOver = false;
        var counted = new long[2][];
        var threads = Enumerable.Range(0, counted.Length).Select(thread => new Thread(() =>
        {
            var own = counted[thread] = new long[3];
            for (var i = 0; !Volatile.Read(ref isOver); i++)
            {
                counts.Count(i % 3);
                own[i % 3]++;
            }
        })).ToList();
        threads.ForEach(static thread => thread.Start());

        // Each of these moves came between two counts.
        for (var moves = 0; moves < Moves;)
        {
            var before = moved.Sum();
            counts.MoveTo(moved);
            if (moved.Sum() != before) moves++;
        }

        Volatile.Write(ref isOver, true);
        threads.ForEach(static thread => thread.Join());
        counts.MoveTo(moved);
        Assert.Equal(Enumerable.Range(0, 3).Select(counter => counted.Sum(own => own[counter])), moved);
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
