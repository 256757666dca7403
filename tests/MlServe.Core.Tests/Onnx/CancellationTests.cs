namespace MlServe.Onnx;

/// <summary>Giving up in the middle of a run: it stops at the next operator, is told apart from a failure, and the lane can be used again.</summary>
public sealed class CancellationTests
{
    private const int Length = 3000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Cancel_InTheMiddleOfARun_StopsItAndTheLaneWorksAgain(bool isQueued)
    {
        var gate = new RunGate(1);
        await using var predictor = TinyModels.Chain(Length).Load(new() { WarmUpRuns = 1, BatchDetection = BatchDetection.None }, new() { RunGate = gate });
        var values = Enumerable.Range(0, 256).Select(static i => (float)i).ToArray();
        var inputs = PredictionInputs.Row(PredictionInput.Tensor("x", Enumerable.Repeat(values, 16).SelectMany(static row => row).ToArray(), [16, 256]));
        var stopped = 0;
        for (var attempt = 0; attempt < 100 && stopped < 3; attempt++)
        {
            using var source = new CancellationTokenSource();
            if (isQueued) await Until(gate.TryEnter);
            var running = Task.Run(async () => await predictor.PredictAsync(inputs, cancellationToken: source.Token), TestContext.Current.CancellationToken);
            if (isQueued)
            {
                await Until(() => gate.CurrentWaiters == 1);
                gate.Exit();
            }

            // On a busy machine a run may be over before this method looks again; then it is tried once more.
            await Until(() => running.IsCompleted || (gate.CurrentRuns == 1 && gate.CurrentWaiters == 0));
            await source.CancelAsync();
            var exception = await Record.ExceptionAsync(async () => (await running).Dispose());
            if (exception is null) continue;
            Assert.Equal(source.Token, Assert.IsAssignableFrom<OperationCanceledException>(exception).CancellationToken);
            stopped++;
        }

        Assert.Equal(3, stopped);
        using var prediction = await predictor.PredictAsync(inputs, cancellationToken: TestContext.Current.CancellationToken);
        var expected = Enumerable.Range(0, 256).Select(static i => (float)((i - Length % 256 + 256) % 256));
        Assert.Equal(expected, prediction.EnsureOk()["y"].ToArray<float>().Take(256));
        Assert.Equal(0, gate.CurrentRuns);
    }

    [Fact]
    public async Task Cancel_OneOfTwoRuns_LeavesTheOtherAlone()
    {
        var gate = new RunGate(2);
        await using var predictor = TinyModels.Chain(1000).Load(new() { WarmUpRuns = 1, BatchDetection = BatchDetection.None }, new() { RunGate = gate });
        var inputs = PredictionInputs.Row(PredictionInput.Tensor("x", new float[8 * 256], [8, 256]));
        using var source = new CancellationTokenSource();
        var stopped = Task.Run(async () => await predictor.PredictAsync(inputs, cancellationToken: source.Token), TestContext.Current.CancellationToken);
        var other = Task.Run(async () => await predictor.PredictAsync(inputs), TestContext.Current.CancellationToken);
        await Until(() => gate.CurrentRuns == 2 || other.IsCompleted);
        await source.CancelAsync();
        await Record.ExceptionAsync(() => stopped);
        using var prediction = await other;
        Assert.True(prediction.IsOk);
    }

    private static async Task Until(Func<bool> condition)
    {
        while (!condition())
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
