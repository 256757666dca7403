using MlServe.Batching;

namespace MlServe.Tests.Batching;

public sealed class BatchPriorityTests
{
    [Fact]
    public async Task Take_BulkCameFirst_NormalGoesFirst()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var bulk = harness.Send(1, priority: RequestPriority.Bulk);
        harness.Clock.Advance(TimeSpan.FromMilliseconds(10));
        var normal = harness.Send(2);
        blocker.Finish();

        var run = await harness.Model.NextRunAsync();
        Assert.Equal([2], run.Rows);
        run.Finish();
        (await harness.Model.NextRunAsync()).Finish();

        await Harness.Expect(bulk, 1);
        await Harness.Expect(normal, 2);
    }

    [Fact]
    public async Task Take_BulkHasWaitedLongEnough_GoesByAge()
    {
        await using var harness = new Harness(static options => options.MaxBulkDelay = TimeSpan.FromMilliseconds(50));
        var blocker = await harness.BlockAsync();
        var bulk = harness.Send(1, priority: RequestPriority.Bulk);
        harness.Clock.Advance(TimeSpan.FromMilliseconds(10));
        var normal = harness.Send(2);
        harness.Clock.Advance(TimeSpan.FromMilliseconds(40));
        blocker.Finish();

        var run = await harness.Model.NextRunAsync();
        Assert.Equal([1], run.Rows);
        run.Finish();
        (await harness.Model.NextRunAsync()).Finish();

        await Harness.Expect(bulk, 1);
        await Harness.Expect(normal, 2);
    }

    [Fact]
    public async Task Take_NormalWithoutEnd_DoesNotStarveBulk()
    {
        await using var harness = new Harness(static options => options.MaxBulkDelay = TimeSpan.FromMilliseconds(100));
        var run = await harness.BlockAsync();
        var bulk = harness.Send(-0L + 7, priority: RequestPriority.Bulk);
        var rounds = 0;
        while (!bulk.IsCompleted && rounds++ < 30)
        {
            _ = harness.Send(1000 + rounds);
            harness.Clock.Advance(TimeSpan.FromMilliseconds(10));
            run.Finish();
            run = await harness.Model.NextRunAsync();
            if (run.Rows.Contains(7)) break;
        }

        Assert.InRange(rounds, 5, 12);
        harness.Model.HoldsRuns = false;
        run.Finish();
        await Harness.Expect(bulk, 7);
    }

    [Fact]
    public async Task Take_SeveralShapes_GoByAge()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var tasks = new List<Task<Prediction>>();
        foreach (var width in new[] { 3, 1, 2 })
        {
            tasks.Add(harness.SendWide(width, width));
            harness.Clock.Advance(TimeSpan.FromMilliseconds(1));
        }

        var order = new List<long>();
        blocker.Finish();
        for (var i = 0; i < 3; i++)
        {
            var run = await harness.Model.NextRunAsync();
            order.AddRange(run.Rows);
            run.Finish();
        }

        Assert.Equal([3, 1, 2], order);
        await Task.WhenAll(tasks);
    }
}
