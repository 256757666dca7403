using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;
using MlServe.Threading;

namespace MlServe.Tests.Threading;

public sealed class DeadlineTimerTests
{
    private static readonly TimeSpan Never = Timeout.InfiniteTimeSpan;

    [Fact]
    public async Task Change_TimeIsOver_FiresOnceOnTheDeadlinesThreadAndNotBefore()
    {
        var (fired, early, elsewhere) = (0, 0, 0);
        var due = 0L;
        using var timer = TimeProvider.System.CreateDeadlineTimer(
            _ =>
            {
                if (Stopwatch.GetTimestamp() < Volatile.Read(ref due)) early++;
                if (!DeadlineThread.IsCurrent || Thread.CurrentThread.IsThreadPoolThread) elsewhere++;
                Interlocked.Increment(ref fired);
            },
            null);
        for (var i = 1; i <= 5; i++)
        {
            Volatile.Write(ref due, Stopwatch.GetTimestamp() + (Stopwatch.Frequency / 100));
            timer.Change(TimeSpan.FromMilliseconds(10), Never);
            await Eventually.BecomesTrue(() => Volatile.Read(ref fired) == i, "it fires");
        }

        await AnotherAsync(TimeSpan.FromMilliseconds(30));
        Assert.Equal((5, 0, 0), (fired, early, elsewhere));
        Assert.False(DeadlineThread.IsCurrent);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Change_Stopped_DoesNotFire(bool isDisposed)
    {
        var fired = 0;
        var timer = TimeProvider.System.CreateDeadlineTimer(_ => fired++, null);
        timer.Change(TimeSpan.FromMilliseconds(30), Never);
        if (isDisposed) timer.Dispose();
        else timer.Change(Never, Never);
        await AnotherAsync(TimeSpan.FromMilliseconds(60));
        Assert.Equal(0, fired);
        await timer.DisposeAsync();
    }

    [Fact]
    public async Task Change_SetAgainAndAgain_FiresAtTheLastTimeAlone()
    {
        var fired = 0;
        using var timer = TimeProvider.System.CreateDeadlineTimer(_ => Interlocked.Increment(ref fired), null);
        timer.Change(TimeSpan.FromMilliseconds(5), Never);
        timer.Change(TimeSpan.FromHours(1), Never);
        await AnotherAsync(TimeSpan.FromMilliseconds(40));
        Assert.Equal(0, fired);

        // Earlier than what the thread sleeps until.
        timer.Change(TimeSpan.FromMilliseconds(5), Never);
        await Eventually.BecomesTrue(() => Volatile.Read(ref fired) == 1, "it fires");
        timer.Change(TimeSpan.Zero, Never);
        await Eventually.BecomesTrue(() => Volatile.Read(ref fired) == 2, "it fires at once");
    }

    [Fact]
    public void Change_Longest_DoesNotOverflow()
    {
        using var timer = TimeProvider.System.CreateDeadlineTimer(static _ => Assert.Fail("Too early."), null);
        Assert.True(timer.Change(TimeSpan.MaxValue, Never));
        Assert.True(timer.Change(TimeSpan.FromMilliseconds(uint.MaxValue - 1.0), Never));
        Assert.Throws<NotSupportedException>(() => timer.Change(TimeSpan.Zero, TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public async Task Change_ManyFromManyThreads_EachFiresAsOftenAsItWasDue()
    {
        const int Timers = 400;
        var random = new Random(1);
        var fired = new int[Timers];
        var timers = Enumerable.Range(0, Timers)
            .Select(i => TimeProvider.System.CreateDeadlineTimer(_ => Interlocked.Increment(ref fired[i]), null)).ToArray();
        var delays = Enumerable.Range(0, Timers).Select(_ => random.Next(1, 40)).ToArray();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(part => Task.Run(() =>
        {
            for (var i = part; i < Timers; i += 4)
            {
                // Stopped, moved and set: only the last counts.
                timers[i].Change(TimeSpan.FromMinutes(1), Never);
                timers[i].Change(TimeSpan.FromMilliseconds(delays[i] + 1000), Never);
                timers[i].Change(Never, Never);
                if (i % 2 == 0) timers[i].Change(TimeSpan.FromMilliseconds(delays[i]), Never);
            }
        })));

        await Eventually.BecomesTrue(
            () => fired.Where(static (_, i) => i % 2 == 0).All(static count => count == 1), "all that are set fire");
        await AnotherAsync(TimeSpan.FromMilliseconds(50));
        Assert.All(fired, (count, i) => Assert.Equal(1 - (i % 2), count));
        foreach (var timer in timers)
            await timer.DisposeAsync();
    }

    [Fact]
    public void Change_SetAndStoppedAgainAndAgain_AllocatesNothingAndWakesNobody()
    {
        using var timer = new DeadlineTimer(static _ => Assert.Fail("Too early."), null);
        timer.Change(TimeSpan.FromMinutes(1), Never);
        var wakeAt = timer.WakeAt;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            timer.Change(TimeSpan.FromMinutes(1), Never);
            timer.Change(Never, Never);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(wakeAt, timer.WakeAt);
    }

    [Fact]
    public void CreateDeadlineTimer_AnotherClock_IsThatClocksOwnAndKeepsNoContext()
    {
        var clock = new FakeTimeProvider();
        var (fired, seen) = (0, "nothing");
        var local = new AsyncLocal<string?> { Value = "of the caller" };
        using var timer = clock.CreateDeadlineTimer(
            _ =>
            {
                fired++;
                seen = local.Value;
            },
            null);
        Assert.False(ExecutionContext.IsFlowSuppressed());
        timer.Change(TimeSpan.FromSeconds(1), Never);
        local.Value = "later";
        clock.Advance(TimeSpan.FromMilliseconds(999));
        Assert.Equal(0, fired);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(1, fired);
        Assert.NotEqual("of the caller", seen);
    }

    private static async Task AnotherAsync(TimeSpan time)
    {
        var isOver = false;
        using var timer = TimeProvider.System.CreateDeadlineTimer(_ => Volatile.Write(ref isOver, true), null);
        timer.Change(time, Never);
        await Eventually.BecomesTrue(() => Volatile.Read(ref isOver), "another timer fires");
    }
}
