using MlServe.Resilience;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Resilience;

/// <summary>A circuit must not stay open for want of an answer, nor close for want of arithmetic.</summary>
public sealed class CircuitFaultTests
{
    [Fact]
    public async Task Open_ForEver_StaysOpen()
    {
        using var harness = new CircuitHarness();
        harness.Breaker.Open(TimeSpan.MaxValue);
        Assert.Equal(PredictionStatus.CircuitOpen, await harness.StatusAsync());
        harness.Clock.Advance(TimeSpan.FromDays(365));
        Assert.Equal(PredictionStatus.CircuitOpen, await harness.StatusAsync());
        Assert.True(harness.Breaker.RetryAfter > TimeSpan.FromDays(365));
    }

    [Fact]
    public async Task PredictAsync_ProbeNeverEnds_AnotherIsLetThroughAfterEachBreak()
    {
        var hanging = new TaskCompletionSource<Prediction>(TaskCreationOptions.RunContinuationsAsynchronously);
        var hangs = false;
        CircuitHarness? harness = null;
        using var made = harness = new CircuitHarness(answer: (_, _) => hangs ? new(hanging.Task) : new(harness!.Next()));
        await harness.BreakAsync();
        harness.Clock.Advance(TimeSpan.FromSeconds(5));
        hangs = true;
        var lost = harness.AskAsync();
        hangs = false;
        Assert.Equal(PredictionStatus.CircuitOpen, await harness.StatusAsync());

        harness.Clock.Advance(TimeSpan.FromSeconds(5));
        harness.Next = static () => Answers.Of(1);
        Assert.Equal(PredictionStatus.Ok, await harness.StatusAsync());
        await harness.SucceedAsync(1);

        // The one that hangs keeps its place, so the last of three waits for another break.
        Assert.Equal(PredictionStatus.CircuitOpen, await harness.StatusAsync());
        harness.Clock.Advance(TimeSpan.FromSeconds(5));
        await harness.SucceedAsync(1);
        Assert.Equal(CircuitState.Closed, harness.Breaker.State);

        hanging.SetResult(Prediction.FromError(CircuitHarness.Broken));
        Assert.Equal(PredictionStatus.Failed, (await lost).Status);
        Assert.Equal(CircuitState.Closed, harness.Breaker.State);
    }

    [Fact]
    public async Task PredictAsync_ProbesNeverEnd_OneABreakIsLetThroughAndNoMore()
    {
        var hanging = new TaskCompletionSource<Prediction>(TaskCreationOptions.RunContinuationsAsynchronously);
        var hangs = false;
        CircuitHarness? harness = null;
        using var made = harness = new CircuitHarness(answer: (_, _) => hangs ? new(hanging.Task) : new(harness!.Next()));
        await harness.BreakAsync();
        var calls = harness.Inner.Calls;
        hangs = true;
        var lost = new List<Task<Prediction>>();
        for (var half = 0; half < 8; half++)
        {
            harness.Clock.Advance(TimeSpan.FromSeconds(2.5));
            for (var i = 0; i < 10; i++)
                lost.Add(harness.AskAsync());
        }

        Assert.Equal(4, harness.Inner.Calls - calls);
        hanging.SetResult(Prediction.FromError(CircuitHarness.Broken));
        await Task.WhenAll(lost);
    }

    [Fact]
    public void UseChaos_AroundTheCache_IsRefused() =>
        Assert.Contains("Move UseChaos inside of UseCache", Assert.Throws<InvalidOperationException>(
            static () => new PredictorBuilder(new FakePredictor()).UseChaos(static chaos => chaos.Enabled = true)
                .UseCache()
                .Build()).Message, StringComparison.Ordinal);
}
