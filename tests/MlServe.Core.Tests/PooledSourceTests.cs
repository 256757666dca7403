#pragma warning disable CA2012, xUnit1030, xUnit1031 // Value tasks are kept, read late and awaited twice, contexts left, on purpose.

namespace MlServe.Tests;

/// <summary>What a caller may do with a value task, and what one does that may not.</summary>
public sealed class PooledSourceTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Await_AnsweredBeforeOrAfter_GoesOn(bool isBefore)
    {
        var source = new Source();
        var task = source.Start();
        if (isBefore) source.Answer(5);
        var waiting = Task.Run(async () => await task);
        if (!isBefore) source.Answer(5);
        Assert.Equal(5, await waiting);
        Assert.Equal(1, source.Reads);
    }

    [Fact]
    public async Task Await_AnsweredWhileItBeginsToWait_GoesOnElsewhere()
    {
        for (var i = 0; i < 2000; i++)
        {
            var source = new Source();
            var task = source.Start();
            var waiting = task.AsTask();
            _ = Task.Run(() => source.Answer(5));
            Assert.Equal(5, await waiting.WaitAsync(TimeSpan.FromSeconds(30)));
        }

        var late = new Source();
        var awaiter = late.Start().GetAwaiter();
        late.Answer(6);

        // Answered between the look at whether it is and the wait: not within the call that waits.
        var (isWithin, seen) = (true, false);
        awaiter.UnsafeOnCompleted(() => Volatile.Write(ref seen, !isWithin || Thread.CurrentThread.IsThreadPoolThread));
        isWithin = false;
        await Eventually.BecomesTrue(() => Volatile.Read(ref seen), "it goes on elsewhere");
        Assert.Equal(6, awaiter.GetResult());
    }

    [Fact]
    public async Task Await_SecondTimeWhileTheFirstWaits_ThrowsAndTheFirstIsAnswered()
    {
        var source = new Source();
        var task = source.Start();
        var first = task.AsTask();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await task);
        await Assert.ThrowsAsync<InvalidOperationException>(() => task.AsTask());
        source.Answer(5);
        Assert.Equal(5, await first);
        Assert.Equal(1, source.Reads);
    }

    [Fact]
    public async Task Await_ManyAtOnce_OneIsAnsweredAndTheOthersThrow()
    {
        for (var round = 0; round < 500; round++)
        {
            var source = new Source();
            var task = source.Start();
            using var start = new Barrier(4);
            var waiting = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
            {
                start.SignalAndWait();
                try
                {
                    return await task;
                }
                catch (InvalidOperationException)
                {
                    return -1;
                }
            })).ToList();
            start.SignalAndWait();
            source.Answer(5);
            var seen = (await Task.WhenAll(waiting)).Order().ToArray();
            Assert.Equal([-1, -1, 5], seen);
            Assert.Equal(1, source.Reads);
        }
    }

    [Fact]
    public async Task GetResult_BySomebodyElseThanWhoWaits_ThrowsAndTakesNothing()
    {
        var source = new Source(elsewhere: true);
        var task = source.Start();

        // One that waits and does not go on yet: its answer is its own.
        var context = new HoldingContext();
        var previous = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(context);
        var taken = 0;
        task.GetAwaiter().OnCompleted(() => taken = task.GetAwaiter().GetResult());
        SynchronizationContext.SetSynchronizationContext(previous);
        source.Answer(5);
        Assert.True(task.IsCompleted);
        Assert.Throws<InvalidOperationException>(() => task.GetAwaiter().GetResult());
        await context.Go();
        Assert.Equal(5, taken);
        Assert.Equal(1, source.Reads);
    }

    [Fact]
    public async Task Answer_ElsewhereOrHere_AsItIsSaid()
    {
        foreach (var elsewhere in new[] { true, false })
        {
            var source = new Source(elsewhere);
            var (thread, wentOnWithin, done) =
                ((Thread?)null, false, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            var awaiter = source.Start().ConfigureAwait(false).GetAwaiter();
            awaiter.UnsafeOnCompleted(() =>
            {
                wentOnWithin = Thread.CurrentThread == thread;
                awaiter.GetResult();
                done.SetResult();
            });
            thread = new Thread(() => source.Answer(5));
            thread.Start();
            await done.Task;
            Assert.Equal(!elsewhere, wentOnWithin);
            thread.Join();
        }
    }

    [Fact]
    public async Task OnCompleted_FlowsTheContextWhereItIsAskedTo()
    {
        var local = new AsyncLocal<string?>();
        foreach (var elsewhere in new[] { true, false })
        {
            var source = new Source(elsewhere);
            var awaiter = source.Start().ConfigureAwait(false).GetAwaiter();
            local.Value = "the caller's";
            var (seen, done) = ("", new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            awaiter.OnCompleted(() =>
            {
                seen = local.Value;
                awaiter.GetResult();
                done.SetResult();
            });
            local.Value = null;
            new Thread(() => source.Answer(5)).Start();
            await done.Task;
            Assert.Equal("the caller's", seen);
        }
    }

    [Fact]
    public async Task Answer_SynchronizationContextIsDead_WhoeverWaitsHearsOfItElsewhere()
    {
        var source = new Source();
        var done = new TaskCompletionSource<int>();
        var thread = new Thread(() =>
        {
            SynchronizationContext.SetSynchronizationContext(new DeadContext());
            var awaiter = source.Start().GetAwaiter();
            awaiter.OnCompleted(() => done.SetResult(awaiter.GetResult()));
        });
        thread.Start();
        thread.Join();
        source.Answer(5);
        Assert.Equal(5, await done.Task);
    }

    [Fact]
    public async Task Await_InAContextOrOnAScheduler_GoesOnThere()
    {
        var source = new Source();
        var (context, done) = (new HoldingContext(), new TaskCompletionSource<SynchronizationContext?>());
        var thread = new Thread(() =>
        {
            SynchronizationContext.SetSynchronizationContext(context);
            var awaiter = source.Start().GetAwaiter();
            awaiter.OnCompleted(() =>
            {
                awaiter.GetResult();
                done.SetResult(SynchronizationContext.Current);
            });
        });
        thread.Start();
        thread.Join();
        source.Answer(5);
        await context.Go();
        Assert.Same(context, await done.Task);

        var pair = new ConcurrentExclusiveSchedulerPair();
        var other = new Source();
        var waiting = await Task.Factory.StartNew(
            async () =>
            {
                await other.Start();
                return TaskScheduler.Current;
            },
            TestContext.Current.CancellationToken, TaskCreationOptions.None, pair.ExclusiveScheduler);
        other.Answer(5);
        Assert.Same(pair.ExclusiveScheduler, await waiting);
    }

    [Fact]
    public async Task SetException_OfACancellationOrAFault_IsThrownToWhoeverReads()
    {
        var source = new Source();
        var task = source.Start();
        source.Fail(new OperationCanceledException());
        Assert.True(task.IsCanceled);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await task);
        Assert.Equal(1, source.Reads);

        task = source.Start();
        source.Fail(new InvalidDataException());
        Assert.True(task.IsFaulted);
        await Assert.ThrowsAsync<InvalidDataException>(async () => await task);
        Assert.Equal(2, source.Reads);
        Assert.Equal(7, await AgainAsync());

        async Task<int> AgainAsync()
        {
            var again = source.Start();
            source.Answer(7);
            return await again;
        }
    }

    private sealed class Source(bool elsewhere = false) : PooledSource<int>
    {
        public int Reads { get; private set; }

        public ValueTask<int> Start()
        {
            ContinuesElsewhere = elsewhere;
            return Begin();
        }

        public void Answer(int answer) => SetResult(answer);

        public void Fail(Exception exception) => SetException(exception);

        protected override void Read()
        {
            Reads++;
            Reset();
        }
    }

    private sealed class HoldingContext : SynchronizationContext
    {
        private readonly TaskCompletionSource<(SendOrPostCallback Callback, object? State)> _posted = new();

        public override void Post(SendOrPostCallback d, object? state) => _posted.TrySetResult((d, state));

        public async Task Go()
        {
            var (callback, state) = await _posted.Task;
            var previous = Current;
            SetSynchronizationContext(this);
            callback(state);
            SetSynchronizationContext(previous);
        }
    }

    private sealed class DeadContext : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state) => throw new ObjectDisposedException("the window");
    }
}
