using MlServe.Threading;

namespace MlServe.Tests.Threading;

public sealed class HelperThreadsTests
{
    [Fact]
    public async Task Add_EachBlocksUntilAllRun_ThreadsGrowUntilAllDo()
    {
        const int Works = 40;
        var all = new CountdownEvent(Works);
        var works = Enumerable.Range(0, Works).Select(_ => new Work(_ =>
        {
            all.Signal();
            all.Wait(TimeSpan.FromSeconds(30));
        })).ToList();

        // Straight to the helpers: the pool never hears of them.
        foreach (var work in works)
            work.Help(HelperThreads.ForAnswers);

        await Eventually.BecomesTrue(() => all.IsSet, "all run");
        Assert.InRange(HelperThreads.ForAnswers.Threads, Works, HelperThreads.Most);
        all.Dispose();
    }

    [Fact]
    public async Task Queue_AgainAndAgainFromManyPlaces_RunsOnceEachTime()
    {
        var (queued, ran) = (0, 0);
        Work[] works = [.. Enumerable.Range(0, 4).Select(_ => new Work(_ => Interlocked.Increment(ref ran)))];
        for (var i = 0; i < 20_000; i++)
        {
            var work = works[i % works.Length];
            while (work.IsQueued)
                await Task.Yield();
            queued++;
            work.Queue(i % 3 == 0);
            if (i % 5 == 0) work.CallHelpers();
        }

        await Eventually.BecomesTrue(() => Volatile.Read(ref ran) == queued, "all have run");
        await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.Equal(queued, ran);
    }

    [Fact]
    public async Task Help_WorkLeavesAContextBehind_TheNextDoesNotSeeIt()
    {
        var local = new AsyncLocal<string?>();
        var seen = new List<string?>();
        for (var i = 0; i < 20; i++)
        {
            var work = new Work(_ =>
            {
                lock (seen)
                    seen.Add(local.Value ?? SynchronizationContext.Current?.ToString());
                local.Value = "left behind";
                SynchronizationContext.SetSynchronizationContext(new());
            });
            work.Help(HelperThreads.ForRuns);
        }

        await Eventually.BecomesTrue(() => { lock (seen) return seen.Count == 20; }, "all have run");
        Assert.All(seen, Assert.Null);
    }

    /// <summary>
    /// A wake-up that came when the thread had just stopped waiting must not count for its next rest: its place among those that rest would
    /// outlive it.
    /// </summary>
    [Fact]
    public async Task Add_ThreadsAreJustAboutToEnd_WakesNoneThatHasEnded()
    {
        var helpers = new HelperThreads("helpers that end at once", TimeSpan.Zero);
        var (added, ran) = (0, 0);
        Work[] works = [.. Enumerable.Range(0, 4).Select(_ => new Work(_ => Interlocked.Increment(ref ran)))];
        for (; added < 5000; added++)
        {
            var work = works[added % works.Length];
            await Eventually.BecomesTrue(() => !work.IsQueued, "it has run");
            work.Help(helpers);
        }

        await Eventually.BecomesTrue(
            () => Volatile.Read(ref ran) == added && helpers.Threads == 0, "all have run, and the threads have ended");
    }

    private sealed class Work(Action<UrgentPlace> run) : UrgentWork
    {
        public void Queue(bool preferLocal) => Queue(HelperThreads.ForAnswers, preferLocal);

        public void Help(HelperThreads helpers)
        {
            Mark(helpers);
            CallHelpers();
            StarvationWatch.Watch(this);
        }

        protected override void Execute(UrgentPlace place) => run(place);
    }
}
