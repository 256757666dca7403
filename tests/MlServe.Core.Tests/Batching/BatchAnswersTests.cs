namespace MlServe.Tests.Batching;

public sealed class BatchAnswersTests
{
    private const int Size = 8;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(Size - 1)]
    public async Task Answer_WaitingCodeBlocksUntilNeighboursGoOn_AllGoOn(int blocking)
    {
        await using var harness = new Harness(static options => options.MaxBatchSize = Size);
        using var others = new CountdownEvent(Size - 1);
        await SendBatchAsync(harness, async (task, index) =>
        {
            using var prediction = await task.ConfigureAwait(false);
            if (index == blocking) Assert.True(others.Wait(Patience));
            else others.Signal();
        });
    }

    [Fact]
    public async Task Answer_WaitingCodeBlocksOnDisposal_DisposalEnds()
    {
        await using var harness = new Harness(static options => options.MaxBatchSize = Size);
        var answered = 0;
        await SendBatchAsync(harness, async (task, index) =>
        {
            using var prediction = await task.ConfigureAwait(false);
            Interlocked.Increment(ref answered);
#pragma warning disable xUnit1031 // That it blocks is the point.
            if (index == 0) Assert.True(harness.Pipeline.DisposeAsync().AsTask().Wait(Patience));
#pragma warning restore xUnit1031
        });

        Assert.Equal(Size, answered);
    }

    [Fact]
    public async Task Answer_WaitingCodeLeavesAContextBehind_TheNextDoesNotSeeIt()
    {
        await using var harness = new Harness(static options => options.MaxBatchSize = Size);
        var local = new AsyncLocal<string?>();
        var seen = new List<string?>();
        await SendBatchAsync(harness, (task, index) =>
        {
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var awaiter = task.ConfigureAwait(false).GetAwaiter();
            awaiter.UnsafeOnCompleted(() =>
            {
                lock (seen)
                    seen.Add(local.Value ?? SynchronizationContext.Current?.ToString());
                local.Value = $"of {index}";
                SynchronizationContext.SetSynchronizationContext(new());
                awaiter.GetResult().Dispose();
                done.SetResult();
            });
            return done.Task;
        });

        Assert.Equal(new string?[Size], seen);
    }

    /// <summary>Sends requests that are answered as one batch, and waits for those who wait for them.</summary>
    private static async Task SendBatchAsync(Harness harness, Func<ValueTask<Prediction>, int, Task> wait)
    {
        var blocker = await harness.BlockAsync();
        var waiting = Enumerable.Range(0, Size)
            .Select(index => wait(harness.Pipeline.PredictAsync(PredictionInputs.Row(new long[] { index })), index)).ToList();
        harness.Model.HoldsRuns = false;
        blocker.Finish();
        await Task.WhenAll(waiting);
        Assert.Equal(Size, harness.Model.Runs[1].Length);
    }
}
