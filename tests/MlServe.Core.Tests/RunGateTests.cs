namespace MlServe;

public sealed class RunGateTests
{
    [Fact]
    public void New_WithoutNumber_AllowsOneForEachCore()
    {
        Assert.Equal(Environment.ProcessorCount, new RunGate().MaxConcurrentRuns);
        Assert.Equal(Environment.ProcessorCount, RunGate.Shared.MaxConcurrentRuns);
        Assert.Throws<ArgumentOutOfRangeException>(() => new RunGate(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RunGate(-1));
    }

    [Fact]
    public void TryEnter_Full_IsRefusedUntilSomebodyLeaves()
    {
        var gate = new RunGate(2);
        Assert.True(gate.TryEnter());
        Assert.True(gate.TryEnter());
        Assert.False(gate.TryEnter());
        Assert.Equal(2, gate.CurrentRuns);
        gate.Exit();
        Assert.Equal(1, gate.CurrentRuns);
        Assert.True(gate.TryEnter());
    }

    [Fact]
    public void Enqueue_RoomIsThere_EntersAtOnce()
    {
        var gate = new RunGate(1);
        var waiter = new Waiter();
        gate.Enqueue(waiter);
        Assert.Equal(1, waiter.Entered);
        Assert.Equal(0, gate.CurrentWaiters);
    }

    [Fact]
    public void Exit_SeveralWait_LetsThemInInOrder()
    {
        var gate = new RunGate(1);
        Assert.True(gate.TryEnter());
        var order = new List<int>();
        for (var i = 0; i < 5; i++)
        {
            var number = i;
            gate.Enqueue(new Waiter(() => order.Add(number)));
        }

        Assert.Equal(5, gate.CurrentWaiters);
        for (var i = 0; i < 5; i++)
        {
            gate.Exit();
            Assert.Equal(i + 1, order.Count);
            Assert.Equal(1, gate.CurrentRuns);
        }

        Assert.Equal([0, 1, 2, 3, 4], order);
    }

    [Fact]
    public void TryEnter_OthersWait_DoesNotOvertakeThem()
    {
        var gate = new RunGate(1);
        Assert.True(gate.TryEnter());
        gate.Enqueue(new Waiter());
        gate.Exit();
        Assert.False(gate.TryEnter());
    }

    [Fact]
    public void Leave_WhileTheGateStaysShut_DoesNotGatherThoseWhoLeft()
    {
        var gate = new RunGate(1);
        Assert.True(gate.TryEnter());
        var stays = new Waiter();
        gate.Enqueue(stays);
        var dropped = 0;
        for (var i = 0; i < 1000; i++)
        {
            var waiter = new Waiter(dropped: () => dropped++);
            gate.Enqueue(waiter);
            waiter.HasLeft = true;
            gate.Leave();
            Assert.InRange(gate.CurrentWaiters, 1, 4);
        }

        gate.Exit();
        Assert.Equal(1, stays.Entered);
        gate.Exit();
        Assert.Equal(1000, dropped);
        Assert.Equal(0, gate.CurrentWaiters);
        Assert.Equal(0, gate.CurrentRuns);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(2, 3)]
    [InlineData(5, 4)]
    public async Task Gate_UnderStress_KeepsItsBoundAndLosesNobody(int places, int seed)
    {
        const int Callers = 8, Calls = 4000;
        var gate = new RunGate(places);
        int running = 0, most = 0, entered = 0;
        void Run()
        {
            var now = Interlocked.Increment(ref running);
            for (var seen = Volatile.Read(ref most); now > seen; seen = Volatile.Read(ref most))
                Interlocked.CompareExchange(ref most, now, seen);
            Interlocked.Decrement(ref running);
            Interlocked.Increment(ref entered);
            gate.Exit();
        }

        await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            var random = new Random((seed * 100) + caller);
            for (var i = 0; i < Calls; i++)
            {
                if (random.Next(4) == 0) await Task.Yield();
                if (gate.TryEnter())
                {
                    Run();
                    continue;
                }

                var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                gate.Enqueue(new Waiter(() => ThreadPool.UnsafeQueueUserWorkItem(
                    _ =>
                    {
                        Run();
                        done.SetResult();
                    },
                    null)));
                await done.Task;
            }
        }))).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

        Assert.Equal(Callers * Calls, entered);
        Assert.InRange(most, 1, places);
        Assert.Equal(0, gate.CurrentRuns);
        Assert.Equal(0, gate.CurrentWaiters);
    }

    private sealed class Waiter(Action? entered = null, Action? dropped = null) : IGateWaiter
    {
        public long Charge { get; set; }

        public int Entered { get; private set; }

        public bool HasLeft { get; set; }

        public void Enter()
        {
            Entered++;
            entered?.Invoke();
        }

        public void Drop() => dropped?.Invoke();
    }
}
