using Microsoft.Extensions.Time.Testing;
using MlServe.Guests;
using MlServe.Resilience;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Resilience;

/// <summary>What stands in for a model may fail in any way: the caller gets the best that is left.</summary>
public sealed class FallbackFaultTests
{
    private readonly FakeTimeProvider _clock = new();

    [Theory]
    [InlineData(typeof(ObjectDisposedException))]
    [InlineData(typeof(InvalidOperationException))]
    [InlineData(typeof(OperationCanceledException))]
    public async Task Hedge_OtherThrows_TheModelsAnswerIsGiven(Type thrown)
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var other = new FakePredictor((_, _) =>
        {
            asked.TrySetResult();
            throw Make(thrown);
        });
        var model = new TaskCompletionSource<Prediction>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var pipeline = Build(new FakePredictor((_, _) => new(model.Task)), chain => chain.To(other).After(TimeSpan.FromSeconds(1)));
        var task = AskAsync(pipeline);
        await AdvanceUntilAsync(() => asked.Task.IsCompleted);
        model.SetResult(Answers.Of(1));

        Assert.Equal(1, Answers.Read(await task));
    }

    [Fact]
    public async Task Hedge_OtherThrowsAndTheModelFails_TheNextIsAsked()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var other = new FakePredictor((_, _) =>
        {
            asked.TrySetResult();
            throw new InvalidOperationException("boom");
        });
        var model = new TaskCompletionSource<Prediction>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var pipeline = Build(
            new FakePredictor((_, _) => new(model.Task)),
            chain => chain.To(other, "other").After(TimeSpan.FromSeconds(1)).ThenValue("id", 3L));
        var task = AskAsync(pipeline);
        await AdvanceUntilAsync(() => asked.Task.IsCompleted);
        model.SetResult(Prediction.FromError(CircuitHarness.Broken));

        Assert.Equal(3, Answers.Read(await task));
        Assert.Equal(1, other.Calls);
    }

    /// <summary>A function may speak of a disposed object of its own; closed can only be a predictor.</summary>
    [Fact]
    public async Task PredictAsync_FunctionThrowsObjectDisposed_IsNotCalledClosed()
    {
        using var pipeline = Build(
            new FakePredictor(CircuitHarness.Broken),
            static chain => chain.Then(static (_, _, _) => throw Make(typeof(ObjectDisposedException))));
        using var answer = await AskAsync(pipeline);
        Assert.Equal(PredictionErrorCode.UserCodeFailed, Assert.Single(answer.Error.FallbackErrors).Code);
    }

    [Theory]
    [InlineData(typeof(ObjectDisposedException))]
    [InlineData(typeof(InvalidOperationException))]
    [InlineData(typeof(OperationCanceledException))]
    public async Task PredictAsync_StandInThrows_TheNextIsAsked(Type thrown)
    {
        using var pipeline = Build(
            new FakePredictor(CircuitHarness.Broken),
            chain => chain.To(new FakePredictor((_, _) => throw Make(thrown)), "other").ThenValue("id", 3L));
        Assert.Equal(3, Answers.Read(await AskAsync(pipeline)));
    }

    [Fact]
    public void After_LongerThanATimerGoes_IsRefused() =>
        Assert.Throws<ArgumentOutOfRangeException>(static () => new FallbackBuilder().To("a").After(TimeSpan.MaxValue));

    [Fact]
    public async Task Value_TypesAreTakenWhileItAnswers_EveryAnswerIsWhole()
    {
        var step = new ValueStep();
        step.AddNumbers("id", [1]);
        step.AddNumbers("other", [2]);
        var broken = new FakePredictor(CircuitHarness.Broken);
        using var pipeline = new StagedPredictor(
            broken, [new FallbackStage(new(broken, "m", [step], null, new("m", GuardedMeter.For(null)), _clock))], _clock);
        using var done = new CancellationTokenSource();
        var taker = Task.Run(() =>
        {
            while (!done.IsCancellationRequested)
                step.TakeTypesOf(new FakePredictor().Signature);
        }, TestContext.Current.CancellationToken);
        for (var i = 0; i < 20_000; i++)
        {
            using var answer = await AskAsync(pipeline);
            Assert.Equal(2, answer.Count);
        }

        await done.CancelAsync();
        await taker;
    }

    private static Exception Make(Type type) =>
        type == typeof(ObjectDisposedException) ? new ObjectDisposedException("other") : (Exception)Activator.CreateInstance(type, "boom")!;

    private static Task<Prediction> AskAsync(IPredictor pipeline) =>
        pipeline.PredictAsync(Answers.Request(1), cancellationToken: TestContext.Current.CancellationToken).AsTask();

    private IPredictor Build(IPredictor inner, Action<FallbackBuilder> configure) =>
        new PredictorBuilder(inner).UseFallback(configure).Build(new FakeServices(_clock));

    private Task AdvanceUntilAsync(Func<bool> condition) => Eventually.BecomesTrue(() =>
    {
        _clock.Advance(TimeSpan.FromSeconds(1));
        return condition();
    }, "the other was asked");
}
