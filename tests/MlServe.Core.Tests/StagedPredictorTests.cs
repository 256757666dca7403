using MlServe.Tests.Fakes;

namespace MlServe.Tests;

public sealed class StagedPredictorTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private readonly List<string> _log = [];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PredictAsync_SeveralStages_EntersOutermostFirstAndLeavesInnermostFirst(bool pending)
    {
        using var predictor = Build(pending ? Pending() : new FakePredictor(), Stage("a"), Stage("b"), Stage("c"));

        var id = Answers.Read(await predictor.PredictAsync(Answers.Request(7), cancellationToken: Ct));

        Assert.Equal(7, id);
        Assert.Equal(["a before", "b before", "c before", "c after Ok", "b after Ok", "a after Ok"], _log);
    }

    [Fact]
    public async Task PredictAsync_StageAnswers_LeavesOutWhatStandsBehind()
    {
        var inner = new FakePredictor();
        var answering = new FakeStage("b", _log) { OnBefore = Refuse };
        using var predictor = Build(inner, Stage("a"), answering, Stage("c"));

        using var prediction = await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct);

        Assert.Equal(PredictionStatus.Overloaded, prediction.Status);
        Assert.Equal(0, inner.Calls);
        Assert.Equal(["a before", "b before", "b after Overloaded", "a after Overloaded"], _log);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PredictAsync_StageReplacesTheAnswer_OuterStagesAndTheCallerSeeTheNewOne(bool pending)
    {
        var replacing = new FakeStage("b", _log)
        {
            OnAfter = static (ref StageCall call) =>
            {
                call.Answer.Dispose();
                call.Answer = Prediction.FromError(FakePredictor.Refusal);
            },
        };
        using var predictor = Build(pending ? Pending() : new FakePredictor(), Stage("a"), replacing);

        using var prediction = await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct);

        Assert.Equal(PredictionStatus.Overloaded, prediction.Status);
        Assert.Equal(["a before", "b before", "b after Ok", "a after Overloaded"], _log);
    }

    [Fact]
    public async Task PredictAsync_StageChangesTheCall_TheInnerPredictorSeesIt()
    {
        using var other = new CancellationTokenSource();
        var options = new PredictionOptions();
        var token = other.Token;
        var inner = new FakePredictor();
        var changing = new FakeStage("a", _log)
        {
            OnBefore = (ref StageCall call) =>
            {
                call.Inputs = Answers.Request(42);
                call.Options = options;
                call.CancellationToken = token;
                return true;
            },
        };
        using var predictor = Build(inner, changing);

        var id = Answers.Read(await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct));

        Assert.Equal(42, id);
        Assert.Same(options, inner.LastOptions);
        Assert.Equal(token, inner.LastToken);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PredictAsync_InnerThrows_EachStageSeesTheFailureOnce(bool pending)
    {
        var inner = new FakePredictor(pending ? ThrowLaterAsync : ThrowAtOnce);
        using var predictor = Build(inner, Stage("a"), Stage("b"));

        var exception = await Assert.ThrowsAsync<InvalidOperationException>(
            async () => await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct));

        Assert.Equal("boom", exception.Message);
        Assert.Equal(["a before", "b before", "b failed boom", "a failed boom"], _log);
    }

    [Fact]
    public async Task PredictAsync_InnerReturnsAFaultedTask_EachStageSeesTheFailureOnce()
    {
        var inner = new FakePredictor((_, _) => ValueTask.FromException<Prediction>(new InvalidOperationException("boom")));
        using var predictor = Build(inner, Stage("a"));

        await Assert.ThrowsAsync<InvalidOperationException>(async () =>
            await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct));

        Assert.Equal(["a before", "a failed boom"], _log);
    }

    [Fact]
    public async Task PredictAsync_BeforeThrows_StagesAlreadyEnteredSeeTheFailure()
    {
        var inner = new FakePredictor();
        var throwing = new FakeStage("b", _log) { OnBefore = static (ref StageCall _) => throw new InvalidOperationException("boom") };
        using var predictor = Build(inner, Stage("a"), throwing, Stage("c"));

        await Assert.ThrowsAsync<InvalidOperationException>(async () =>
            await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct));

        Assert.Equal(0, inner.Calls);
        Assert.Equal(["a before", "b before", "a failed boom"], _log);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PredictAsync_AfterThrows_NoStageIsLeftTwice(bool pending)
    {
        var throwing = new FakeStage("b", _log) { OnAfter = static (ref StageCall _) => throw new InvalidOperationException("boom") };
        using var predictor = Build(pending ? Pending() : new FakePredictor(), Stage("a"), throwing, Stage("c"));

        await Assert.ThrowsAsync<InvalidOperationException>(async () =>
            await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct));

        Assert.Equal(["a before", "b before", "c before", "c after Ok", "b after Ok", "a failed boom"], _log);
    }

    [Fact]
    public async Task PredictAsync_FailedThrowsWhilePending_TheCallerStillGetsAnException()
    {
        var throwing = new FakeStage("a", _log) { OnFailed = static _ => throw new InvalidOperationException("bang") };
        using var predictor = Build(new FakePredictor(ThrowLaterAsync), throwing);

        var exception = await Assert.ThrowsAsync<InvalidOperationException>(
            async () => await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct));

        Assert.Equal("bang", exception.Message);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PredictAsync_NoStageAsksForTheTime_ReadsNoClock(bool pending)
    {
        var clock = new CountingClock();
        using var predictor = new StagedPredictor(pending ? Pending() : new FakePredictor(), [Stage("a"), Stage("b")], clock);

        Answers.Read(await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct));

        Assert.Equal(0, clock.Reads);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PredictAsync_SeveralStagesAskWhenItBegan_ReadsThatOnceAndEachItsOwnEnd(bool pending)
    {
        var clock = new CountingClock();
        var elapsed = new List<long>();
        FakeStage Timing(string name) => new(name, _log)
        {
            OnBefore = static (ref StageCall call) => call.Started > 0,
            OnAfter = (ref StageCall call) => elapsed.Add(call.Now - call.Started),
        };
        using var predictor = new StagedPredictor(pending ? Pending() : new FakePredictor(), [Timing("a"), Timing("b")], clock);

        Answers.Read(await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct));

        Assert.Equal([1, 2], elapsed);
        Assert.Equal(3, clock.Reads);
    }

    [Fact]
    public void GetService_StageOffersIt_IsFoundBeforeTheInnerPredictors()
    {
        var stage = Stage("a");
        var inner = new FakePredictor { Service = Stage("b") };
        using var predictor = Build(inner, stage);

        Assert.Same(stage, predictor.GetService<FakeStage>());
        Assert.Same(inner.Service, predictor.GetService(typeof(FakeStage), "key"));
        Assert.Same(predictor, predictor.GetService<StagedPredictor>());
    }

    [Fact]
    public void Dispose_Stages_AreDisposedAndTheInnerPredictorIsNot()
    {
        var inner = new FakePredictor();

        Build(inner, Stage("a"), Stage("b")).Dispose();

        Assert.Equal(["a disposed", "b disposed"], _log);
        Assert.Equal(0, inner.Disposals);
    }

    private static bool Refuse(ref StageCall call)
    {
        call.Answer = Prediction.FromError(FakePredictor.Refusal);
        return false;
    }

    private static ValueTask<Prediction> ThrowAtOnce(PredictionInputs inputs, CancellationToken cancellationToken) =>
        throw new InvalidOperationException("boom");

    private static async ValueTask<Prediction> ThrowLaterAsync(PredictionInputs inputs, CancellationToken cancellationToken)
    {
        await Task.Yield();
        throw new InvalidOperationException("boom");
    }

    private static FakePredictor Pending() => new(static async (inputs, _) =>
    {
        await Task.Yield();
        return Answers.Echo(inputs);
    });

    private static StagedPredictor Build(IPredictor inner, params PredictionStage[] stages) => new(inner, stages, TimeProvider.System);

    private FakeStage Stage(string name) => new(name, _log);
}
