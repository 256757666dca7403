using MlServe.Batching;

namespace MlServe.Tests.Batching;

public sealed class BatchStatisticsTests
{
    [Fact]
    public async Task Statistics_KnownTraffic_CountRunsRowsRequestsAndReasons()
    {
        var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var tasks = new List<Task<Prediction>> { harness.SendRows([1, 2, 3]), harness.Send(4), harness.Send(5), harness.SendRows([6, 7]) };
        harness.Model.HoldsRuns = false;
        blocker.Finish();
        foreach (var task in tasks)
            (await task).Dispose();
        harness.Settle();

        Assert.Equal(3, harness.Statistics.Runs);
        Assert.Equal(1 + 4 + 3, harness.Statistics.Rows);
        Assert.Equal(1 + 2 + 2, harness.Statistics.Requests);
        Assert.Equal(0, harness.Statistics.InlineRuns);
        Assert.Equal(2, harness.Statistics.ClosedFor(CloseReason.Idle));
        Assert.Equal(1, harness.Statistics.ClosedFor(CloseReason.Full));
        Assert.Equal(0, harness.Statistics.ClosedFor(CloseReason.Drain));

        harness.Model.HoldsRuns = true;
        blocker = await harness.BlockAsync();
        var last = harness.Send(9);
        var disposal = harness.Pipeline.DisposeAsync();
        harness.Model.HoldsRuns = false;
        blocker.Finish();
        (await last).Dispose();
        await disposal;
        Assert.Equal(1, harness.Statistics.ClosedFor(CloseReason.Drain));
        await harness.DisposeAsync();
    }

    [Fact]
    public async Task GetService_ByTheModelsPipeline_GivesTheSameStatisticsEachTime()
    {
        await using var harness = new Harness();

        Assert.Same(harness.Statistics, harness.Statistics);
        Assert.Null(harness.Pipeline.GetService(typeof(BatchStatistics), "key"));
        Assert.Same(harness.Model, harness.Pipeline.GetService<IModelExecutor>());
    }
}
