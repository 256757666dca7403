using MlServe.Batching;

namespace MlServe.Tests.Batching;

public sealed class BatchRunModeTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMicroseconds(20);

    [Fact]
    public async Task Auto_LoneCallerOfAShortModel_RunsOnItsOwnThreadButForAProbe()
    {
        await using var harness = Auto(Short);
        for (var i = 0; i < 300; i++)
            await ExpectAloneAsync(harness, i);

        Assert.InRange(harness.Statistics.InlineRuns, 280, 292);
        Assert.Equal(300, harness.Statistics.Requests);
        Assert.Equal(300, harness.Statistics.Rows);
        Assert.Equal(300, harness.Statistics.Runs);
    }

    [Fact]
    public async Task Auto_LoneCallerOfALongModel_IsNotMadeToRunIt()
    {
        await using var harness = Auto(TimeSpan.FromMicroseconds(80));
        for (var i = 0; i < 50; i++)
            await Harness.Expect(harness.Send(i), i);

        Assert.Equal(0, harness.Statistics.InlineRuns);
    }

    [Fact]
    public async Task Auto_NothingKnownOfTheModel_IsNotRunInline()
    {
        await using var harness = Auto(TimeSpan.Zero);
        for (var i = 0; i < 50; i++)
            await Harness.Expect(harness.Send(i), i);

        Assert.Equal(0, harness.Statistics.InlineRuns);
    }

    [Fact]
    public async Task Auto_FanOutFromOneThread_IsQueuedOnceTwoArePending()
    {
        await using var harness = Auto(Short);
        for (var i = 1; i < 64; i++)
            await ExpectAloneAsync(harness, i);
        var inline = harness.Statistics.InlineRuns;
        Assert.Equal(63 - 8, inline);

        // The 64th is the probe: whoever comes while it is pending shows that there is a crowd.
        harness.Model.HoldsRuns = true;
        var tasks = Enumerable.Range(0, 64).Select(id => harness.Send(id)).ToList();
        Assert.All(tasks, static task => Assert.False(task.IsCompleted));
        var held = await harness.Model.NextRunAsync();
        harness.Model.HoldsRuns = false;
        held.Finish();

        for (var i = 0; i < tasks.Count; i++)
            await Harness.Expect(tasks[i], i);
        Assert.Equal(inline, harness.Statistics.InlineRuns);
        Assert.InRange(harness.Statistics.Runs - 63, 16, 18);
        harness.Settle();
    }

    [Fact]
    public async Task Inline_LaneIsIdle_RunsOnTheCallersThread()
    {
        await using var harness = new Harness(static options => options.RunMode = RunMode.Inline, holdsRuns: false);
        Thread? ran = null;
        harness.Model.OnRun = _ => ran = Thread.CurrentThread;

        var task = harness.SendRows([1, 2, 3]);

        Assert.True(task.IsCompleted);
        Assert.Same(Thread.CurrentThread, ran);
        await Harness.Expect(task, 1, 2, 3);
        Assert.Equal(1, harness.Statistics.InlineRuns);
        Assert.Equal(1, harness.Statistics.Runs);
        Assert.Equal(3, harness.Statistics.Rows);
        Assert.Equal(1, harness.Statistics.Requests);
    }

    [Fact]
    public async Task Inline_CallerCancels_ThrowsAndGivesItsPlaceBack()
    {
        await using var harness = new Harness(static options => options.RunMode = RunMode.Inline);
        using var source = new CancellationTokenSource();
        var call = Task.Run(() => harness.Send(1, cancellationToken: source.Token));
        var run = await harness.Model.NextRunAsync();
        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        Assert.Equal(0, harness.Gate.CurrentRuns);
        Assert.Equal(source.Token, run.CancellationToken);
    }

    [Fact]
    public async Task Inline_GateIsTaken_Queues()
    {
        var gate = new RunGate(1);
        await using var other = new Harness(gate: gate);
        await using var harness = new Harness(static options => options.RunMode = RunMode.Inline, gate: gate, holdsRuns: false);
        var run = await other.BlockAsync();

        var task = harness.Send(1);
        Assert.False(task.IsCompleted);
        run.Finish();

        await Harness.Expect(task, 1);
        Assert.Equal(0, harness.Statistics.InlineRuns);
    }

    [Fact]
    public async Task Queued_LaneIsIdle_NeverRunsOnTheCallersThread()
    {
        await using var harness = new Harness(holdsRuns: false);
        var caller = Thread.CurrentThread;
        harness.Model.OnRun = _ => Assert.NotSame(caller, Thread.CurrentThread);
        var tasks = Enumerable.Range(0, 20).Select(id => harness.Send(id)).ToList();
        SpinWait.SpinUntil(() => tasks.TrueForAll(static task => task.IsCompleted));

        foreach (var task in tasks)
            Assert.True((await task).IsOk);
    }

    [Fact]
    public async Task Run_PredictedOverAMillisecond_LeavesTheThreadPool()
    {
        await using var harness = Auto(TimeSpan.FromMilliseconds(2));
        var onPool = new List<bool>();
        var ofModel = harness.Model.OnRun!;
        harness.Model.OnRun = rows =>
        {
            onPool.Add(Thread.CurrentThread.IsThreadPoolThread);
            ofModel(rows);
        };
        for (var i = 0; i < 20; i++)
            await Harness.Expect(harness.Send(i), i);
        harness.Settle();

        Assert.True(onPool[0]);
        Assert.All(onPool.Skip(2), Assert.False);
    }

    [Fact]
    public async Task Run_BecomesShortAndLongInTurns_LosesNothing()
    {
        await using var harness = Auto(TimeSpan.FromMilliseconds(2), lanes: 2);
        var random = new Random(7);
        harness.Model.OnRun = _ => harness.Clock.Advance(TimeSpan.FromMicroseconds(random.Next(2) == 0 ? 5000 : 5));
        var callers = Enumerable.Range(0, 8).Select(caller => Task.Run(async () =>
        {
            for (var i = 0; i < 200; i++)
                await Harness.Expect(harness.Send((caller * 1000) + i), (caller * 1000) + i);
        })).ToList();

        await Task.WhenAll(callers);
        harness.Settle();
    }

    [Fact]
    public async Task DisposeAsync_LaneHasAThreadOfItsOwn_EndsIt()
    {
        var harness = Auto(TimeSpan.FromMilliseconds(2));
        Thread? thread = null;
        var ofModel = harness.Model.OnRun!;
        harness.Model.OnRun = rows =>
        {
            ofModel(rows);
            thread = Thread.CurrentThread;
        };
        for (var i = 0; i < 20; i++)
            await Harness.Expect(harness.Send(i), i);
        Assert.Equal("MlServe fake", thread!.Name);

        await harness.DisposeAsync();

        Assert.True(thread.Join(TimeSpan.FromMinutes(1)));
    }

    [Fact]
    public async Task Run_OnAThreadOfItsOwn_DoesNotKeepTheContextOfItsFirstCaller()
    {
        var harness = Auto(TimeSpan.FromMilliseconds(2));
        var local = new AsyncLocal<string> { Value = "caller" };
        var seen = new List<string?>();
        var ofModel = harness.Model.OnRun!;
        harness.Model.OnRun = rows =>
        {
            ofModel(rows);
            seen.Add(local.Value);
        };
        for (var i = 0; i < 10; i++)
            await Harness.Expect(harness.Send(i), i);

        await harness.DisposeAsync();
        Assert.All(seen, Assert.Null);
    }

    /// <summary>
    /// Asks, and leaves the runner that has just answered the time to give its place back: who finds the gate taken is not run inline.
    /// </summary>
    private static async Task ExpectAloneAsync(Harness harness, long id)
    {
        await Harness.Expect(harness.Send(id), id);
        harness.Settle();
    }

    /// <summary>A batcher left to itself, over a model whose runs take that long on its clock.</summary>
    private static Harness Auto(TimeSpan runTime, int lanes = 1)
    {
        var harness = new Harness(static options => options.RunMode = RunMode.Auto, holdsRuns: false, lanes: lanes);
        harness.Model.OnRun = _ => harness.Clock.Advance(runTime);
        return harness;
    }
}
