namespace MlServe;

/// <summary>Who is let in where several models wait. Times are ticks: the long model takes 80 ms, the short one 0.3 ms.</summary>
public sealed class RunGateFairnessTests
{
    private const long Long = 800_000;
    private const long Short = 3_000;
    private const long Second = TimeSpan.TicksPerSecond;

    private readonly RunGate _one = new(1);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void Enqueue_ShortModelBehindABacklogOfALongOne_WaitsForOneRunThatIsUnderWay(int places)
    {
        var simulation = new GateSimulation(new(places));
        var slow = simulation.Add(Long, callers: 100);
        var fast = simulation.Add(Short, callers: 1, startsAt: Second, pause: 7 * Short);

        simulation.Run(60 * Second);

        Assert.True(fast.Runs > 500 && slow.Runs > 300, $"{fast.Runs} and {slow.Runs} runs");
        Assert.InRange(fast.Waits.Max(), 1, Long);
    }

    [Fact]
    public void Enqueue_ManyCallersOfAShortModel_KeepThePlaceForTheirShareOfTheTime()
    {
        var simulation = new GateSimulation(_one);
        var slow = simulation.Add(Long, callers: 100);
        var fast = simulation.Add(Short, callers: 100);

        simulation.Run(60 * Second);

        Assert.InRange((double)fast.Time / slow.Time, 0.95, 1.05);
        Assert.InRange((double)fast.Runs / slow.Runs, 0.95 * Long / Short, 1.05 * Long / Short);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 3)]
    public void Enqueue_ManyModelsThatAlwaysWait_GetTheSameTimeAndNoneStarves(int places, int seed)
    {
        var random = new Random(seed);
        var simulation = new GateSimulation(new(places));
        var models = Enumerable.Range(0, 12).Select(_ => simulation.Add(random.Next(1_000, 500_000), callers: random.Next(4, 40))).ToList();

        simulation.Run(120 * Second);

        var share = places * 120.0 * Second / models.Count;
        Assert.All(models, model => Assert.InRange(model.Time / share, 0.9, 1.1));
    }

    [Fact]
    public void Enqueue_ModelWhoseRunsCostNothing_DoesNotKeepTheOthersOut()
    {
        var simulation = new GateSimulation(_one);
        var free = simulation.Add(0, callers: 10);
        var slow = simulation.Add(Long, callers: 2);
        simulation.At(Second, () => free.IsStopped = true);

        // The clock stands still as long as only runs that cost nothing are let in.
        for (var i = 0; i < 1000 && slow.Runs < 3; i++)
            simulation.Run(simulation.Now + 1);
        simulation.Run(2 * Second);

        Assert.InRange(slow.Runs, 10, int.MaxValue);
    }

    [Fact]
    public void Enqueue_ModelThatRestedForLong_HasSavedUpNothing()
    {
        var simulation = new GateSimulation(_one);
        var steady = simulation.Add(Short, callers: 10);
        var rested = simulation.Add(Short, callers: 1);
        simulation.At(1, () => rested.IsStopped = true);
        simulation.Run(100 * Second);

        rested.IsStopped = false;
        var before = steady.Runs;
        for (var i = 0; i < 200; i++)
            rested.Ask();
        simulation.Run(101 * Second);

        // Without a backlog of its own it would have the gate for itself for 100 s.
        Assert.InRange(steady.Runs - before, 0.45 * Second / Short, 0.55 * Second / Short);
    }

    [Fact]
    public void Enqueue_ModelThatHadTheGateForItself_OwesNothing()
    {
        var simulation = new GateSimulation(_one);
        var first = simulation.Add(Long, callers: 50);
        simulation.Run(100 * Second);
        var second = simulation.Add(Long, callers: 50, startsAt: simulation.Now);
        var before = first.Runs;

        simulation.Run(110 * Second);

        Assert.InRange(first.Runs - before, second.Runs - 2, second.Runs + 2);
    }

    [Fact]
    public void Exit_ModelBecomesSlower_ItsShareOfTheTimeStays()
    {
        var simulation = new GateSimulation(_one);
        var changes = simulation.Add(Short, callers: 50);
        var other = simulation.Add(Short, callers: 50);
        simulation.Run(10 * Second);
        changes.Cost = Long;
        var (before, otherBefore) = (changes.Time, other.Time);

        simulation.Run(40 * Second);

        Assert.InRange((double)(changes.Time - before) / (other.Time - otherBefore), 0.95, 1.05);
    }

    [Fact]
    public void Enqueue_WithinAModel_FirstComeFirstServed()
    {
        Assert.True(_one.TryEnter());
        var (flow, order) = (new GateFlow(_one), new List<int>());
        foreach (var number in Enumerable.Range(0, 5))
            _one.Enqueue(new Waiter(flow) { OnEnter = () => order.Add(number) });
        for (var i = 0; i < 5; i++)
            _one.Exit();
        Assert.Equal([0, 1, 2, 3, 4], order);
    }

    [Fact]
    public void Enqueue_WorkInBulk_YieldsToOtherModelsUntilItHasWaitedLongEnough()
    {
        var simulation = new GateSimulation(_one);
        var normal = simulation.Add(Long, callers: 4);
        var bulk = simulation.Add(Short, callers: 1, startsAt: 1, priority: RequestPriority.Bulk, bulkDelay: 5 * Second);

        simulation.Run(30 * Second);

        Assert.InRange(bulk.Runs, 4, 6);
        Assert.All(bulk.Waits, static wait => Assert.InRange(wait, 5 * Second, (5 * Second) + Long));
        Assert.True(normal.Runs > 300);
    }

    [Fact]
    public void Enqueue_WorkInBulkHasYieldedForLong_HasSavedUpNothing()
    {
        var simulation = new GateSimulation(_one);
        var normal = simulation.Add(Short, callers: 10);
        var bulk = simulation.Add(Short, callers: 4000, priority: RequestPriority.Bulk, bulkDelay: 30 * Second);
        simulation.Run(30 * Second);
        var before = normal.Time;

        simulation.Run(31 * Second);

        Assert.InRange(normal.Time - before, 0.4 * Second, Second);
        Assert.True(bulk.Runs > 0);
    }

    [Fact]
    public void Enqueue_WithinAModel_NormalGoesBeforeBulkAndAgedBulkByItsAge()
    {
        Assert.True(_one.TryEnter());
        var (flow, order) = (new GateFlow(_one), new List<string>());
        var aged = new Waiter(flow) { IsBulk = true, Yields = false, OnEnter = () => order.Add("aged") };
        _one.Enqueue(aged);
        _one.Enqueue(new Waiter(flow) { IsBulk = true, Yields = true, OnEnter = () => order.Add("bulk") });
        _one.Enqueue(new Waiter(flow) { OnEnter = () => order.Add("normal") });
        for (var i = 0; i < 3; i++)
            _one.Exit();
        Assert.Equal(["aged", "normal", "bulk"], order);
    }

    [Fact]
    public void Leave_LastOfAModel_TheGateForgetsTheModel()
    {
        Assert.True(_one.TryEnter());
        var stays = new Waiter(new(_one));
        _one.Enqueue(stays);
        for (var i = 0; i < 1000; i++)
        {
            var waiter = new Waiter(new(_one));
            _one.Enqueue(waiter);
            Assert.Equal(2, _one.CurrentFlows);
            waiter.HasLeft = true;
            _one.Leave(waiter.Flow);
            Assert.Equal(1, _one.CurrentFlows);
            Assert.Equal(1, waiter.Dropped);
        }

        _one.Exit();
        Assert.Equal(1, stays.Entered);
        Assert.Equal(0, _one.CurrentFlows);
        Assert.Equal(0, _one.CurrentWaiters);
    }

    [Fact]
    public void Leave_ManyOfAModel_LeavesTheOthersAlone()
    {
        Assert.True(_one.TryEnter());
        var (flow, order) = (new GateFlow(_one), new List<int>());
        var waiters = Enumerable.Range(0, 100).Select(number => new Waiter(flow) { OnEnter = () => order.Add(number) }).ToList();
        foreach (var waiter in waiters)
            _one.Enqueue(waiter);
        foreach (var waiter in waiters.Where(static (_, i) => i % 3 != 0))
        {
            waiter.HasLeft = true;
            _one.Leave(flow);
        }

        for (var i = 0; i < 34; i++)
            _one.Exit();
        Assert.Equal(Enumerable.Range(0, 34).Select(static i => 3 * i), order);
        Assert.All(waiters, static waiter => Assert.Equal(waiter.HasLeft ? (0, 1) : (1, 0), (waiter.Entered, waiter.Dropped)));
        _one.Exit();
        Assert.Equal((0, 0), (_one.CurrentWaiters, _one.CurrentRuns));
    }

    [Fact]
    public void Exit_OfOneThatHadLeftAlready_CostsItsModelNothing()
    {
        Assert.True(_one.TryEnter());
        var (flow, other, order) = (new GateFlow(_one), new GateFlow(_one), new List<string>());
        for (var i = 0; i < 3; i++)
        {
            // Let in, charged, and found to have given up.
            var gone = new Waiter(flow);
            _one.Enqueue(gone);
            _one.Exit();
            if (i == 0) _one.Exit(gone, TimeSpan.FromSeconds(1));
            else _one.Exit(gone, null);
            Assert.True(_one.TryEnter());
        }

        // One run of a second stands on its account, not three: another model goes before it until then, and not after.
        var owed = flow.Tag;
        Assert.Equal(TimeSpan.FromSeconds(1).Ticks, owed);
        _one.Enqueue(new Waiter(flow) { OnEnter = () => order.Add("flow") });
        _one.Enqueue(new Waiter(other) { OnEnter = () => order.Add("other") });
        _one.Exit();
        _one.Exit();
        Assert.Equal(["flow", "other"], order.Order());
    }

    [Fact]
    public void Enqueue_FlowOfAnotherGate_IsRefused()
    {
        var waiter = new Waiter(new(new RunGate(1)));
        Assert.Throws<ArgumentException>(() => _one.Enqueue(waiter));
        Assert.Equal(0, _one.CurrentWaiters);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 3)]
    public async Task Gate_ManyModelsThatComeLeaveAndRun_LetsEveryWaiterGoOnce(int places, int seed)
    {
        var gate = new RunGate(places);
        int running = 0, most = 0, entered = 0, dropped = 0, enqueued = 0, ran = 0;
        GateFlow[] flows = [.. Enumerable.Range(0, 5).Select(_ => new GateFlow(gate))];
        await Task.WhenAll(Enumerable.Range(0, 8).Select(caller => Task.Run(
            () =>
            {
                var random = new Random((100 * seed) + caller);
                for (var i = 0; i < 3000; i++)
                {
                    if (gate.TryEnter())
                    {
                        Run(gate.Exit);
                        continue;
                    }

                    var waiter = new Waiter(flows[random.Next(5)]) { IsBulk = random.Next(3) == 0, Yields = random.Next(2) == 0 };
                    waiter.OnDrop = () => Interlocked.Increment(ref dropped);
                    waiter.OnEnter = () =>
                    {
                        Interlocked.Increment(ref entered);
                        ThreadPool.UnsafeQueueUserWorkItem(
                            _ => Run(() => gate.Exit(waiter, waiter.HasLeft ? null : TimeSpan.FromTicks(waiter.GetHashCode() % 1000))),
                            null);
                    };
                    Interlocked.Increment(ref enqueued);
                    gate.Enqueue(waiter);
                    if (random.Next(3) > 0) continue;
                    waiter.HasLeft = true;
                    gate.Leave(waiter.Flow);
                }
            },
            TestContext.Current.CancellationToken)));
        await Eventually.BecomesTrue(
            () => Volatile.Read(ref entered) + Volatile.Read(ref dropped) == enqueued && gate.CurrentRuns == 0, "all are gone");

        Assert.InRange(most, 1, places);
        Assert.Equal((0, 0, 0), (gate.CurrentWaiters, gate.CurrentRuns, gate.CurrentFlows));

        void Run(Action exit)
        {
            var now = Interlocked.Increment(ref running);
            for (var seen = Volatile.Read(ref most); now > seen; seen = Volatile.Read(ref most))
                Interlocked.CompareExchange(ref most, now, seen);
            Interlocked.Increment(ref ran);
            Interlocked.Decrement(ref running);
            exit();
        }
    }

    private sealed class Waiter(GateFlow flow) : IGateWaiter
    {
        private int _entered;
        private int _dropped;
        private volatile bool _hasLeft;

        public GateFlow? Flow { get; } = flow;

        public bool IsBulk { get; init; }

        public bool Yields { get; init; }

        public bool HasLeft
        {
            get => _hasLeft;
            set => _hasLeft = value;
        }

        public long Charge { get; set; }

        public int Entered => _entered;

        public int Dropped => _dropped;

        public Action? OnEnter { get; set; }

        public Action? OnDrop { get; set; }

        public void Enter()
        {
            Interlocked.Increment(ref _entered);
            OnEnter?.Invoke();
        }

        public void Drop()
        {
            Interlocked.Increment(ref _dropped);
            OnDrop?.Invoke();
        }
    }
}
