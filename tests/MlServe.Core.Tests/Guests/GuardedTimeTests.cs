using Microsoft.Extensions.Time.Testing;
using MlServe.Guests;

namespace MlServe.Tests.Guests;

public sealed class GuardedTimeTests
{
    private static readonly TimeSpan Never = Timeout.InfiniteTimeSpan;

    [Fact]
    public void Of_SameClock_IsTheSameGuardAndTheSystemsNeedsNone()
    {
        var clock = new FakeTimeProvider();

        Assert.Same(GuardedTime.Of(clock), GuardedTime.Of(clock));
        Assert.Same(GuardedTime.Of(clock), GuardedTime.Of(GuardedTime.Of(clock)));
        Assert.Same(TimeProvider.System, GuardedTime.Of(TimeProvider.System));
        Assert.Same(TimeProvider.System, GuardedTime.Of(null));
    }

    [Fact]
    public async Task GetTimestamp_ClockThrows_GoesOnFromTheLastReading()
    {
        var clock = new Clock();
        var time = GuardedTime.Of(clock);
        clock.Now = 5_000_000_000;
        Assert.Equal(5_000_000_000, time.GetTimestamp());

        clock.IsBroken = true;
        var first = time.GetTimestamp();
        await Eventually.BecomesTrue(() => time.GetElapsedTime(first) > TimeSpan.FromMilliseconds(1), "time goes on");
        Assert.InRange(first, 5_000_000_000, 5_000_000_000 + (60 * Clock.Frequency));

        clock.IsBroken = false;
        clock.Now = 6_000_000_000;
        Assert.Equal(6_000_000_000, time.GetTimestamp());
        Assert.Equal(Clock.Frequency, time.TimestampFrequency);
    }

    [Fact]
    public void Everything_ClockNeverWorked_IsTheSystems()
    {
        var time = GuardedTime.Of(new Clock { IsBroken = true });

        Assert.Equal(TimeProvider.System.TimestampFrequency, time.TimestampFrequency);
        Assert.InRange(time.GetTimestamp(), 1, TimeProvider.System.GetTimestamp());
        Assert.InRange(time.GetUtcNow(), TimeProvider.System.GetUtcNow() - TimeSpan.FromMinutes(1), TimeProvider.System.GetUtcNow());
    }

    [Theory]
    [InlineData("throws")]
    [InlineData("null")]
    [InlineData("change throws")]
    [InlineData("change false")]
    public async Task CreateTimer_ClocksTimerDoesNotWork_TheSystemsDoes(string how)
    {
        var fired = new TaskCompletionSource();
        using var timer = GuardedTime.Of(new Clock { How = how }).CreateTimer(_ => fired.TrySetResult(), null, Never, Never);

        Assert.True(timer.Change(TimeSpan.FromMilliseconds(1), Never));

        await fired.Task;
    }

    [Theory]
    [InlineData("inline")]
    [InlineData("change inline")]
    public async Task CreateTimer_CallsBackWithinTheCallThatSetsIt_GoesOnElsewhere(string how)
    {
        var within = true;
        var seen = new TaskCompletionSource<bool>();
        var here = Environment.CurrentManagedThreadId;
        using var timer = GuardedTime.Of(new Clock { How = how })
            .CreateTimer(
                _ => seen.TrySetResult(Volatile.Read(ref within) && Environment.CurrentManagedThreadId == here), null, Never, Never);
        timer.Change(TimeSpan.FromMinutes(1), Never);
        Volatile.Write(ref within, false);

        Assert.False(await seen.Task);
    }

    [Fact]
    public void CreateTimer_CallbackThrows_EndsInTheNet()
    {
        var clock = new FakeTimeProvider();
        using var timer = GuardedTime.Of(clock)
            .CreateTimer(static _ => throw new InvalidOperationException("No."), null, TimeSpan.FromSeconds(1), Never);
        var before = GuestFaults.Of(Guest.Own);

        clock.Advance(TimeSpan.FromSeconds(1));

        Assert.True(GuestFaults.Of(Guest.Own) > before);
    }

    [Fact]
    public void Dispose_TimerThrows_DoesNot()
    {
        var timer = GuardedTime.Of(new Clock { How = "dispose throws" }).CreateTimer(static _ => { }, null, Never, Never);

        timer.Dispose();

        Assert.False(timer.Change(TimeSpan.Zero, Never));
    }

    private sealed class Clock : TimeProvider
    {
        public bool IsBroken { get; set; }

        public string How { get; init; } = "";

        public long Now { get; set; }

        public const long Frequency = 1000;

        public override long TimestampFrequency => IsBroken ? throw new InvalidOperationException("No.") : Frequency;

        public override long GetTimestamp() => IsBroken ? throw new InvalidOperationException("No.") : Now;

        public override DateTimeOffset GetUtcNow() => IsBroken ? throw new InvalidOperationException("No.") : default;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (How == "throws") throw new InvalidOperationException("No.");
            if (How == "inline") callback(state);
            return How == "null" ? null! : new Timer(How, callback, state);
        }

        private sealed class Timer(string how, TimerCallback callback, object? state) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                if (how == "change throws") throw new InvalidOperationException("No.");
                if (how == "change inline") callback(state);
                return how != "change false";
            }

            public void Dispose()
            {
                if (how == "dispose throws") throw new InvalidOperationException("No.");
            }

            public ValueTask DisposeAsync()
            {
                Dispose();
                return default;
            }
        }
    }
}
