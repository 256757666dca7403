using Microsoft.Extensions.Time.Testing;
using MlServe.Resilience;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Resilience;

public sealed class FallbackTests
{
    private readonly FakeTimeProvider _clock = new();

    private static PredictionError Broken => CircuitHarness.Broken;

    [Fact]
    public async Task PredictAsync_ModelAnswers_NobodyElseIsAsked()
    {
        var other = new FakePredictor();
        using var pipeline = Build(new FakePredictor(), chain => chain.To(other));
        using var answer = await AskAsync(pipeline);
        Assert.Null(answer.Origin.FallbackReason);
        Assert.Equal(0, other.Calls);
        Assert.Equal((1, 0, 0.0), (Statistics(pipeline).Requests, Statistics(pipeline).Answers, Statistics(pipeline).Share));
    }

    [Theory]
    [InlineData(PredictionStatus.Failed, true)]
    [InlineData(PredictionStatus.CircuitOpen, true)]
    [InlineData(PredictionStatus.Overloaded, true)]
    [InlineData(PredictionStatus.NotReady, true)]
    [InlineData(PredictionStatus.DeadlineExceeded, true)]
    [InlineData(PredictionStatus.Invalid, false)]
    [InlineData(PredictionStatus.TooLarge, false)]
    [InlineData(PredictionStatus.Unauthenticated, false)]
    [InlineData(PredictionStatus.Forbidden, false)]
    [InlineData(PredictionStatus.RateLimited, false)]
    public async Task PredictAsync_ByStatus_TheChainIsAskedOrNot(PredictionStatus status, bool isAsked)
    {
        var error = new PredictionError(status, PredictionErrorCode.None, "no");
        var other = new FakePredictor();
        using var pipeline = Build(new FakePredictor(error), chain => chain.To(other, "small"));
        using var answer = await AskAsync(pipeline);
        Assert.Equal(isAsked, answer.IsOk);
        Assert.Equal(isAsked ? 1 : 0, other.Calls);
        if (isAsked) Assert.Same(error, answer.Origin.FallbackReason);
        if (isAsked) Assert.Equal(PredictionSource.Fallback, answer.Origin.Source);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PredictAsync_EachFails_GivesTheFirstErrorWithTheOthers(bool isPending)
    {
        var first = isPending
            ? new FakePredictor(static async (_, _) =>
            {
                await Task.Yield();
                return Prediction.FromError(Broken);
            })
            : new FakePredictor(Broken);
        using var pipeline = Build(first, chain => chain.To(new FakePredictor(FakePredictor.Refusal), "small").ThenStaleAnswer()
            .Then(static (_, _, _) => throw new InvalidOperationException("boom")));

        using var answer = await AskAsync(pipeline);

        Assert.Equal((Broken.Status, Broken.Code, Broken.Message), (answer.Status, answer.Error.Code, answer.Error.Message));
        Assert.Equal(
            [PredictionErrorCode.QueueFull, PredictionErrorCode.None, PredictionErrorCode.UserCodeFailed],
            answer.Error.FallbackErrors.Select(static error => error.Code));
        Assert.Equal((1, 0, 1), (Statistics(pipeline).Requests, Statistics(pipeline).Answers, Statistics(pipeline).Failures));
    }

    [Fact]
    public async Task PredictAsync_StaleAnswer_KeepsItsSourceAndSaysWhy()
    {
        var inner = new FakePredictor(Broken) { Service = new OldAnswers() };
        using var pipeline = Build(inner, static chain => chain.ThenStaleAnswer());
        using var answer = await AskAsync(pipeline);
        Assert.Equal((PredictionSource.StaleCache, TimeSpan.FromHours(1)), (answer.Origin.Source, answer.Origin.Age));
        Assert.Same(Broken, answer.Origin.FallbackReason);
    }

    [Fact]
    public async Task PredictAsync_Value_MirrorsTheFormOfTheRequest()
    {
        using var pipeline = Build(new FakePredictor(Broken), static chain => chain.ThenValue("id", 7L, 8L));
        using var row = await AskAsync(pipeline);
        using var rows = await pipeline.PredictAsync(
            PredictionInputs.Rows(new long[] { 1, 2 }, 2), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal([2], row["id"].Shape.ToArray());
        Assert.Equal([2, 2], rows["id"].Shape.ToArray());
        Assert.Equal([7, 8, 7, 8], rows["id"].ToArray<long>());
    }

    [Fact]
    public async Task PredictAsync_EachGetsWhatIsLeftOfTheTime()
    {
        var slow = new FakePredictor((_, _) =>
        {
            _clock.Advance(TimeSpan.FromSeconds(4));
            return new(Prediction.FromError(Broken));
        });
        var second = new FakePredictor((_, _) =>
        {
            _clock.Advance(TimeSpan.FromSeconds(7));
            return new(Prediction.FromError(Broken));
        });
        var third = new FakePredictor();
        using var pipeline = Build(slow, chain => chain.To(second, "b").To(third, "c").ThenValue("id", 9L));

        var id = Answers.Read(await pipeline.PredictAsync(
            Answers.Request(1), new() { Timeout = TimeSpan.FromSeconds(10), Priority = RequestPriority.Bulk },
            TestContext.Current.CancellationToken));

        Assert.Equal(TimeSpan.FromSeconds(6), second.LastOptions!.Timeout);
        Assert.Equal(RequestPriority.Bulk, second.LastOptions.Priority);
        Assert.Equal(0, third.Calls);
        Assert.Equal(9, id);
    }

    [Fact]
    public async Task PredictAsync_TargetDisposed_TheNextIsAsked()
    {
        var closed = new FakePredictor(static (_, _) => throw new ObjectDisposedException("x"));
        using var pipeline = Build(new FakePredictor(Broken), chain => chain.To(closed, "b").ThenValue("id", 9L));
        Assert.Equal(9, Answers.Read(await AskAsync(pipeline)));
    }

    [Fact]
    public async Task PredictAsync_CallerCancels_IsACancellation()
    {
        using var source = new CancellationTokenSource();
        var inner = new FakePredictor((_, _) =>
        {
            source.Cancel();
            return new(Prediction.FromError(Broken));
        });
        using var pipeline = Build(inner, static chain => chain.ThenValue("id", 9L));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            await pipeline.PredictAsync(Answers.Request(1), null, source.Token));
    }

    [Fact]
    public async Task PredictAsync_FallbackAroundABrokenCircuit_AnswersFromTheOther()
    {
        var other = new FakePredictor(static (_, _) => new(Answers.Of(2, new() { Model = new("small") })));
        using var pipeline = new PredictorBuilder(new FakePredictor(Broken)).UseFallback(chain => chain.To(other, "small"))
            .UseCircuitBreaker()
            .Build(new FakeServices(_clock));
        for (var i = 0; i < 30; i++)
        {
            using var answer = await AskAsync(pipeline);
            Assert.Equal("small", answer.Origin.Model!.Name);
            Assert.Equal(i < 20 ? PredictionStatus.Failed : PredictionStatus.CircuitOpen, answer.Origin.FallbackReason!.Status);
        }

        Assert.Equal(1, Statistics(pipeline).Share);
    }

    [Fact]
    public void Build_OrderThatCannotWork_IsRefusedWithAReason()
    {
        Refused(static builder => builder.UseCircuitBreaker().UseCache(), "Move UseCircuitBreaker inside of UseCache");
        Refused(
            static builder => builder.UseCircuitBreaker().UseFallback(static chain => chain.ThenValue("id", 1L)),
            "Move UseCircuitBreaker inside of it");
        Refused(static builder => builder.UseCache().UseFallback(static chain => chain.ThenValue("id", 1L)), "Move UseCache inside of it");
        Refused(static builder => builder.UseCircuitBreaker().UseCircuitBreaker(), "once");
        Refused(static builder => builder.UseFallback(static _ => { }), "empty");
        Refused(static builder => builder.UseFallback(static chain => chain.To("small")), "names model 'small'");
    }

    [Fact]
    public void Build_SameModel_IsRefused()
    {
        var inner = new FakePredictor();
        Refused(builder => builder.UseFallback(chain => chain.To(inner)), "same model", inner);
        var twin = new FakePredictor { Service = new ModelIdentity("twin", "1", "abc") };
        Refused(
            builder => builder.UseFallback(chain => chain.To(twin).After(TimeSpan.FromSeconds(1))), "same model",
            new FakePredictor { Service = new ModelIdentity("m", "1", "abc") });
    }

    [Fact]
    public void Build_TargetOfAnotherSignature_IsRefusedWithWhatDoesNotFit()
    {
        using var other = MlServe.Onnx.TinyModels.TwoInputs().Load();
        Refused(builder => builder.UseFallback(chain => chain.To(other)), "it has no input 'x'");
    }

    [Fact]
    public void After_NotBehindTheFirst_IsRefused()
    {
        Assert.Throws<InvalidOperationException>(static () => new FallbackBuilder().ThenStaleAnswer().After(TimeSpan.FromSeconds(1)));
        Assert.Throws<InvalidOperationException>(static () => new FallbackBuilder().To("a").To("b").After(TimeSpan.FromSeconds(1)));
        Assert.Throws<ArgumentOutOfRangeException>(static () => new FallbackBuilder().To("a").After(TimeSpan.Zero));
    }

    [Fact]
    public async Task Hedge_ModelInTime_TheOtherIsNotAsked()
    {
        var other = new FakePredictor();
        using var pipeline = Build(new FakePredictor(), chain => chain.To(other).After(TimeSpan.FromSeconds(1)));
        using var answer = await AskAsync(pipeline);
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Null(answer.Origin.FallbackReason);
        Assert.Equal(0, other.Calls);
    }

    [Fact]
    public async Task Hedge_ModelLate_TheOtherAnswersAndTheModelIsCancelledAndWaitedFor()
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var ended = new TaskCompletionSource<Prediction>(TaskCreationOptions.RunContinuationsAsynchronously);
        var first = new FakePredictor((_, token) =>
        {
            token.Register(() => cancelled.TrySetResult());
            return new(ended.Task);
        });
        using var pipeline = Build(
            first, static chain => chain.To(new FakePredictor(static (_, _) => new(Answers.Of(2)))).After(TimeSpan.FromSeconds(1)));
        var task = AskAsync(pipeline);
        await AdvanceUntilAsync(() => cancelled.Task.IsCompleted);

        Assert.False(task.IsCompleted);
        var loser = Answers.Of(1);
        ended.SetException(new OperationCanceledException());
        loser.Dispose();

        using var answer = await task;
        Assert.Equal(2, answer[0].ToScalar<long>());
        Assert.Equal(PredictionErrorCode.WaitTooLong, answer.Origin.FallbackReason!.Code);
    }

    [Fact]
    public async Task Hedge_BothAnswer_TheLosersAnswerIsDisposed()
    {
        var ended = new TaskCompletionSource<Prediction>(TaskCreationOptions.RunContinuationsAsynchronously);
        var loser = Answers.Of(2);
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var other = new FakePredictor((_, _) =>
        {
            asked.TrySetResult();
            return new(ended.Task);
        });
        var first = new TaskCompletionSource<Prediction>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var pipeline = Build(new FakePredictor((_, _) => new(first.Task)), chain => chain.To(other).After(TimeSpan.FromSeconds(1)));
        var task = AskAsync(pipeline);
        await AdvanceUntilAsync(() => asked.Task.IsCompleted);
        first.SetResult(Answers.Of(1));
        ended.SetResult(loser);

        using var answer = await task;
        Assert.Equal(1, answer[0].ToScalar<long>());
        Assert.Throws<ObjectDisposedException>(() => loser.Count);
    }

    [Fact]
    public async Task Hedge_ModelFailsAtOnce_TheOtherIsAskedWithoutTheDelay()
    {
        using var pipeline = Build(new FakePredictor(Broken), static chain => chain.To(new FakePredictor()).After(TimeSpan.FromHours(1)));
        using var answer = await AskAsync(pipeline);
        Assert.Same(Broken, answer.Origin.FallbackReason);
    }

    private static FallbackStatistics Statistics(IPredictor pipeline) => pipeline.GetService<FallbackStatistics>()!;

    private static Task<Prediction> AskAsync(IPredictor pipeline) =>
        pipeline.PredictAsync(Answers.Request(1), cancellationToken: TestContext.Current.CancellationToken).AsTask();

    private static void Refused(Action<PredictorBuilder> add, string reason, IPredictor? inner = null)
    {
        var builder = new PredictorBuilder(inner ?? new FakePredictor());
        add(builder);
        Ask.Says(Assert.Throws<InvalidOperationException>(() => builder.Build()).Message, reason);
    }

    private IPredictor Build(IPredictor inner, Action<FallbackBuilder> configure) =>
        new PredictorBuilder(inner).UseFallback(configure).Build(new FakeServices(_clock));

    private async Task AdvanceUntilAsync(Func<bool> condition)
    {
        await Eventually.BecomesTrue(() =>
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            return condition();
        }, "the other was asked");
    }

    private sealed class OldAnswers : IStaleAnswers
    {
        public bool TryGetStaleAnswer(PredictionInputs inputs, PredictionOptions? options, out Prediction answer)
        {
            answer = Answers.Of(3, new() { Source = PredictionSource.StaleCache, Age = TimeSpan.FromHours(1) });
            return true;
        }
    }
}
