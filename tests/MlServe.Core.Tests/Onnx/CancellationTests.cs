namespace MlServe.Onnx;

/// <summary>
/// Giving up in the middle of a run: it stops at the next operator, is told apart from a failure, and the lane can be used again.
/// </summary>
public sealed class CancellationTests
{
    private const int Length = 3000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Cancel_InTheMiddleOfARun_StopsItAndTheLaneWorksAgain(bool isQueued)
    {
        var gate = new RunGate(1);
        await using var predictor = TinyModels.Chain(Length)
            .Load(new() { WarmUpRuns = 1, BatchDetection = BatchDetection.None }, new() { RunGate = gate });
        var values = Enumerable.Range(0, 256).Select(static i => (float)i).ToArray();
        var inputs = PredictionInputs.Row(PredictionInput.Tensor(
            "x", Enumerable.Repeat(values, 16).SelectMany(static row => row).ToArray(), [16, 256]));
        var stopped = 0;
        for (var attempt = 0; attempt < 100 && stopped < 3; attempt++)
        {
            using var source = new CancellationTokenSource();
            if (isQueued) await Eventually.BecomesTrue(gate.TryEnter, "the gate has room");
            var running = Task.Run(
                async () => await predictor.PredictAsync(inputs, cancellationToken: source.Token), TestContext.Current.CancellationToken);
            if (isQueued)
            {
                await Eventually.BecomesTrue(() => gate.CurrentWaiters == 1, "the request waits");
                gate.Exit();
            }

            await Eventually.BecomesTrue(
                () => (gate.CurrentRuns == 1 && gate.CurrentWaiters == 0) || running.IsCompleted, "the request runs");
            await source.CancelAsync();
            try
            {
                // On a busy machine the run may be over before anybody looks.
                (await running).EnsureOk().Dispose();
            }
            catch (OperationCanceledException exception)
            {
                Assert.Equal(source.Token, exception.CancellationToken);
                stopped++;
            }
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
        await using var predictor = TinyModels.Chain(1000)
            .Load(new() { WarmUpRuns = 1, BatchDetection = BatchDetection.None }, new() { RunGate = gate });
        var inputs = PredictionInputs.Row(PredictionInput.Tensor("x", new float[8 * 256], [8, 256]));
        using var source = new CancellationTokenSource();
        var stopped = Task.Run(
            async () => await predictor.PredictAsync(inputs, cancellationToken: source.Token), TestContext.Current.CancellationToken);
        var other = Task.Run(async () => await predictor.PredictAsync(inputs), TestContext.Current.CancellationToken);
        await Eventually.BecomesTrue(() => gate.CurrentRuns == 2 || other.IsCompleted, "both run");
        await source.CancelAsync();
        await Record.ExceptionAsync(() => stopped);
        using var prediction = await other;
        Assert.True(prediction.IsOk);
    }
}
