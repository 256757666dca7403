using Microsoft.Extensions.Time.Testing;
using MlServe.Tests.Fakes;
using MlServe.Threading;

namespace MlServe.Tests.Threading;

/// <summary>Whatever timers do, each request is told of its own deadline: once at most, and not before.</summary>
public sealed class DeadlineAlarmTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly Owner _owner = new();

    [Fact]
    public void Start_TimeIsOver_TellsTheTurnOnce()
    {
        var clock = new FakeTimeProvider();
        using var alarm = new DeadlineAlarm(_owner);
        alarm.Start(clock, clock.After(Second), 7);
        clock.Advance(Second - TimeSpan.FromTicks(1));
        Assert.Empty(_owner.Turns);
        Assert.False(alarm.IsExpired);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        clock.Advance(Second);
        Assert.Equal([7], _owner.Turns);
        Assert.True(alarm.IsExpired);
        Assert.True(alarm.Stop());
        Assert.False(alarm.IsExpired);
    }

    [Fact]
    public void Start_TimerFiresEarly_WaitsOn()
    {
        var clock = new EarlyClock { Timestamp = 10 };
        using var alarm = new DeadlineAlarm(_owner);
        alarm.Start(clock, 100, 1);
        for (; clock.Timestamp < 100; clock.Timestamp += 10)
        {
            clock.FireAll();
            Assert.Empty(_owner.Turns);
        }

        clock.FireAll();
        Assert.Equal([1], _owner.Turns);
    }

    [Fact]
    public void Stop_TimerFiresLate_TellsNobody()
    {
        var clock = new EarlyClock();
        using var alarm = new DeadlineAlarm(_owner);
        alarm.Start(clock, 100, 1);
        Assert.False(alarm.Stop());
        clock.Timestamp = 200;
        clock.FireAll();
        Assert.Empty(_owner.Turns);
    }

    [Fact]
    public void Start_TimerFiresForTheRequestBefore_NextOneHasItsOwnTime()
    {
        var clock = new EarlyClock();
        using var alarm = new DeadlineAlarm(_owner);
        alarm.Start(clock, 100, 1);
        alarm.Stop();
        alarm.Start(clock, 300, 2);
        clock.Timestamp = 200;
        clock.FireAll();
        Assert.Empty(_owner.Turns);
        clock.Timestamp = 300;
        clock.FireAll();
        Assert.Equal([2], _owner.Turns);
        Assert.True(alarm.Stop());

        // One that is the same moment's.
        alarm.Start(clock, 300, 3);
        clock.FireAll();
        Assert.Equal([2, 3], _owner.Turns);
    }

    [Fact]
    public void Start_NextDeadlineIsEarlier_IsKept()
    {
        var clock = new FakeTimeProvider();
        using var alarm = new DeadlineAlarm(_owner);
        alarm.Start(clock, clock.After(TimeSpan.FromHours(1)), 1);
        alarm.Stop();
        alarm.Start(clock, long.MaxValue, 2);
        alarm.Stop();
        alarm.Start(clock, clock.After(Second), 3);
        clock.Advance(Second);
        Assert.Equal([3], _owner.Turns);
    }

    [Fact]
    public void Start_AfterARest_FiresAgain()
    {
        var clock = new FakeTimeProvider();
        using var alarm = new DeadlineAlarm(_owner);
        for (var turn = 1; turn <= 3; turn++)
        {
            alarm.Start(clock, clock.After(Second), 0);
            alarm.Stop();
            clock.Advance(2 * Second);
            Assert.Equal(turn - 1, _owner.Turns.Count);
            alarm.Start(clock, clock.After(Second), turn);
            clock.Advance(Second);
            Assert.Equal(turn, _owner.Turns[^1]);
            alarm.Stop();
        }
    }

    [Fact]
    public void Start_DeadlineIsPast_TellsAtOnce()
    {
        var clock = new FakeTimeProvider();
        clock.Advance(Second);
        using var alarm = new DeadlineAlarm(_owner);
        alarm.Start(clock, 0, 1);
        clock.Advance(TimeSpan.Zero);
        Assert.Equal([1], _owner.Turns);
    }

    [Fact]
    public void Start_AnotherClock_KeepsThatClocksTime()
    {
        var (first, second) = (new EarlyClock { Timestamp = 1000 }, new EarlyClock());
        using var alarm = new DeadlineAlarm(_owner);
        alarm.Start(first, 2000, 1);
        alarm.Stop();
        alarm.Start(second, 100, 2);
        first.Timestamp = 3000;
        first.FireAll();
        Assert.Empty(_owner.Turns);
        second.Timestamp = 100;
        second.FireAll();
        Assert.Equal([2], _owner.Turns);
    }

    [Fact]
    public void Dispose_Running_TellsNobodyAndMayBeStartedAgain()
    {
        var clock = new EarlyClock();
        using var alarm = new DeadlineAlarm(_owner);
        alarm.Start(clock, 100, 1);
        alarm.Dispose();
        alarm.Dispose();
        clock.Timestamp = 100;
        clock.FireAll();
        Assert.Empty(_owner.Turns);
        alarm.Start(clock, 100, 2);
        clock.FireAll();
        Assert.Equal([2], _owner.Turns);
    }

    [Fact]
    public void Start_InAContext_KeepsNoneOfIt()
    {
        var clock = new EarlyClock();
        var local = new AsyncLocal<string?> { Value = "of the caller" };
        using var alarm = new DeadlineAlarm(_owner);
        alarm.Start(clock, 100);
        Assert.False(clock.HasKeptContext);
        Assert.Equal("of the caller", local.Value);
    }

    [Fact]
    public void Expire_OwnerEndsAndStartsTheNext_ThatHasItsOwnTime()
    {
        var clock = new FakeTimeProvider();
        var owner = new Owner();
        using var alarm = new DeadlineAlarm(owner);
        owner.Then = turn =>
        {
            Assert.True(alarm.Stop());
            if (turn == 5) alarm.Dispose();
            else alarm.Start(clock, clock.After(Second), turn + 1);
        };
        alarm.Start(clock, clock.After(Second), 1);
        for (var i = 0; i < 10; i++)
            clock.Advance(Second);
        Assert.Equal([1, 2, 3, 4, 5], owner.Turns);
    }

    [Fact]
    public void StartStop_ManyTimes_SetsTheTimerOnceAndAllocatesNothing()
    {
        using var alarm = new DeadlineAlarm(_owner);
        alarm.Start(TimeProvider.System, TimeProvider.System.After(TimeSpan.FromHours(1)));
        alarm.Stop();
        var later = TimeProvider.System.After(TimeSpan.FromHours(2));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var turn = 0; turn < 1000; turn++)
        {
            alarm.Start(TimeProvider.System, later, turn);
            alarm.Stop();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    /// <summary>
    /// One thread serves requests, others move the clock and fire its timers whenever they like: what an owner is told is true of the turn
    /// that it is told, and no deadline is forgotten.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task StartStop_TimersFireAllTheWhile_NoTurnIsToldTooEarlyTwiceOrNever(int seed)
    {
        const int Turns = 40_000;
        var clock = new RacingClock();
        var deadlines = new long[Turns];
        var told = new int[Turns];
        var early = 0;
        var owner = new Owner
        {
            Keeps = false,
            Then = turn =>
            {
                if (clock.Now < Volatile.Read(ref deadlines[turn])) Interlocked.Increment(ref early);
                Interlocked.Increment(ref told[turn]);
            },
        };
        using var alarm = new DeadlineAlarm(owner);
        var isOver = false;
        var firing = Enumerable.Range(0, 2).Select(_ => Task.Factory.StartNew(
            () =>
            {
                while (!Volatile.Read(ref isOver))
                {
                    clock.Move();
                    clock.Fire();
                }
            },
            TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();

        var random = new Random(seed);
        var ended = new bool[Turns];
        for (var turn = 0; turn < Turns; turn++)
        {
            var deadline = clock.Now + random.Next(0, 4);
            Volatile.Write(ref deadlines[turn], deadline);
            alarm.Start(clock, deadline, turn);
            if (random.Next(200) == 0)
            {
                // As long as it takes: a deadline that is forgotten is never told.
                var waiting = turn;
                await Eventually.BecomesTrue(() => Volatile.Read(ref told[waiting]) == 1, $"turn {waiting} is told");
            }

            ended[turn] = alarm.Stop();
            if (random.Next(1000) == 0) alarm.Dispose();
        }

        Volatile.Write(ref isOver, true);
        await Task.WhenAll(firing);
        Assert.Equal(0, early);
        for (var turn = 0; turn < Turns; turn++)
            Assert.True(told[turn] == (ended[turn] ? 1 : 0), $"Turn {turn} ended {ended[turn]} and was told {told[turn]} times.");
    }

    private sealed class Owner : IDeadlineOwner
    {
        public List<int> Turns { get; } = [];

        public bool Keeps { get; init; } = true;

        public Action<int>? Then { get; set; }

        public void Expire(int turn)
        {
            if (Keeps) Turns.Add(turn);
            Then?.Invoke(turn);
        }
    }

    /// <summary>Its timers fire on whichever thread asks, if they are set, also too early.</summary>
    private sealed class RacingClock : TimeProvider
    {
        private readonly Lock _lock = new();
        private readonly List<Timer> _timers = [];
        private long _now;

        public long Now => Interlocked.Read(ref _now);

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now;

        public void Move() => Interlocked.Increment(ref _now);

        public void Fire()
        {
            Timer[] timers;
            lock (_lock)
                timers = [.. _timers];
            foreach (var timer in timers)
                timer.Fire();
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new Timer(this, callback, state);
            lock (_lock)
                _timers.Add(timer);
            return timer;
        }

        private sealed class Timer(RacingClock clock, TimerCallback callback, object? state) : ITimer
        {
            private int _isSet;

            public void Fire()
            {
                if (Interlocked.Exchange(ref _isSet, 0) == 1) callback(state);
            }

            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                Interlocked.Exchange(ref _isSet, dueTime == Timeout.InfiniteTimeSpan ? 0 : 1);
                return true;
            }

            public void Dispose()
            {
                // A call under way goes on.
                lock (clock._lock)
                    clock._timers.Remove(this);
            }

            public ValueTask DisposeAsync()
            {
                Dispose();
                return default;
            }
        }
    }
}
