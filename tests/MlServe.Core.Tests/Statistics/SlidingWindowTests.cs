using CsCheck;
using Microsoft.Extensions.Time.Testing;
using MlServe.Statistics;

namespace MlServe.Tests.Statistics;

public sealed class SlidingWindowTests
{
    /// <summary>What happens: a run that failed or not, a clock that goes on, or a reset.</summary>
    private static readonly Gen<(int Kind, long Ticks)[]> Events = Gen.Select(Gen.Int[0, 99], Gen.OneOf(
        Gen.Long[0, 100_000],
        Gen.Long[0, 5_000_000],
        Gen.Long[0, 400_000_000])).Array[1, 400];

    [Theory]
    [InlineData(1)]
    [InlineData(30)]
    [InlineData(3600)]
    public void Count_RandomSequences_AgreesWithAPlainReference(int seconds)
    {
        var duration = TimeSpan.FromSeconds(seconds);
        Events.Sample(events =>
        {
            var clock = new FakeTimeProvider();
            var window = new SlidingWindow(duration, clock);
            var start = clock.GetTimestamp();
            var reference = new List<(long At, bool IsFailure)>();
            foreach (var (kind, ticks) in events)
            {
                if (kind < 40) clock.Advance(TimeSpan.FromTicks(ticks * seconds / 10));
                if (kind == 99)
                {
                    window.Reset();
                    reference.Clear();
                    continue;
                }

                var now = clock.GetTimestamp() - start;
                reference.Add((now, kind % 3 == 0));
                var width = duration.Ticks / 10;
                var inWindow = reference.FindAll(run => run.At / width > (now / width) - 10);
                var counted = window.Count(kind % 3 == 0);
                Assert.Equal((inWindow.Count, inWindow.Count(static run => run.IsFailure)), counted);

                // What the documents say, whatever the buckets.
                Assert.InRange(
                    counted.Runs,
                    reference.Count(run => now - run.At <= width * 9),
                    reference.Count(run => now - run.At < duration.Ticks));
            }
        }, iter: 400);
    }

    [Fact]
    public void Count_RunsOfOneMoment_StayForNineTenthsAndAreGoneAfterTheWhole()
    {
        var clock = new FakeTimeProvider();
        var window = new SlidingWindow(TimeSpan.FromSeconds(10), clock);
        for (var i = 0; i < 5; i++) window.Count(isFailure: true);
        clock.Advance(TimeSpan.FromSeconds(9.9));
        Assert.Equal((6, 5), window.Count(isFailure: false));
        clock.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal((2, 0), window.Count(isFailure: false));
    }

    [Fact]
    public void Count_ClockOfTheSystemIsSet_NothingIsForgottenAndNothingStaysForEver()
    {
        var clock = new SteppingClock { WallClock = DateTimeOffset.UnixEpoch.AddYears(50) };
        var window = new SlidingWindow(TimeSpan.FromSeconds(10), clock);
        window.Count(isFailure: true);
        clock.WallClock += TimeSpan.FromDays(1);
        Assert.Equal((2, 2), window.Count(isFailure: true));
        clock.WallClock -= TimeSpan.FromDays(2);
        clock.Now += 100_000_000;
        Assert.Equal((1, 1), window.Count(isFailure: true));
    }

    [Fact]
    public void Count_TimestampsStepBack_CountInTheNewestBucket()
    {
        var clock = new SteppingClock { Now = 100_000_000 };
        var window = new SlidingWindow(TimeSpan.FromSeconds(10), clock);
        clock.Now += 30_000_000;
        window.Count(isFailure: true);
        clock.Now -= 20_000_000;
        Assert.Equal((2, 1), window.Count(isFailure: false));
        clock.Now -= 100_000_000;
        Assert.Equal((3, 1), window.Count(isFailure: false));
    }

    [Fact]
    public void Count_ByManyThreads_LosesNothing()
    {
        var window = new SlidingWindow(TimeSpan.FromHours(1), new FakeTimeProvider());
        using var start = new Barrier(4);
        var threads = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            start.SignalAndWait();
            for (var i = 0; i < 2_000_000; i++) window.Count(i % 4 == 0);
        })).ToList();
        threads.ForEach(static thread => thread.Start());
        threads.ForEach(static thread => thread.Join());
        Assert.Equal((8_000_001, 2_000_001), window.Count(isFailure: true));
    }

    [Fact]
    public void Count_InSteadyState_AllocatesNothing()
    {
        var clock = new SteppingClock();
        var window = new SlidingWindow(TimeSpan.FromSeconds(1), clock);
        Round();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Round();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Round()
        {
            for (var i = 0; i < 1000; i++)
            {
                clock.Now += 30_000;
                window.Count(i % 2 == 0);
            }

            window.Reset();
        }
    }

    private sealed class SteppingClock : TimeProvider
    {
        public long Now { get; set; }

        public DateTimeOffset WallClock { get; set; }

        public override DateTimeOffset GetUtcNow() => WallClock;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now;
    }
}
