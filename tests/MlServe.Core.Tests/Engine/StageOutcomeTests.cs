using MlServe.Tests.Fakes;

namespace MlServe.Tests.Engine;

/// <summary>Stages that wait, answer late, or have an answer where there was an exception.</summary>
public sealed class StageOutcomeTests
{
    private readonly List<string> _log = [];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Before_Waits_GoesOnAsTheStageSays(bool waitsLong, bool answers)
    {
        var waited = new TaskCompletionSource<Prediction>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!waitsLong) waited.SetResult(Answers.Echo(Answers.Request(5)));
        var inner = new FakePredictor();
        var waiting = new WaitingStage("b", _log)
        {
            WaitsBefore = () => new(waited.Task),
            Resumed = [answers ? StageOutcome.Answered : StageOutcome.Next],
        };
        using var predictor = Build(inner, Stage("a"), waiting, Stage("c"));

        var pending = predictor.PredictAsync(Answers.Request(7), cancellationToken: Ct);
        Assert.Equal(!waitsLong, pending.IsCompleted);
        waited.TrySetResult(Answers.Echo(Answers.Request(5)));

        Assert.Equal(answers ? 5 : 7, Answers.Read(await pending));
        Assert.Equal(answers ? 0 : 1, inner.Calls);
        Assert.Equal(
            answers
                ? ["a before", "b before", "b resumed", "b after", "a after Ok"]
                : ["a before", "b before", "b resumed", "c before", "c after Ok", "b after", "a after Ok"],
            _log);
    }

    [Fact]
    public async Task Before_WaitsAgainAndAgain_IsResumedEachTime()
    {
        var waiting = new WaitingStage("b", _log)
        {
            WaitsBefore = LaterAsync,
            WaitsAgain = LaterAsync,
            Resumed = [StageOutcome.Pending, StageOutcome.Pending, StageOutcome.Next],
        };
        using var predictor = Build(new FakePredictor(), waiting);

        Assert.Equal(7, Answers.Read(await predictor.PredictAsync(Answers.Request(7), cancellationToken: Ct)));

        Assert.Equal(["b before", "b resumed", "b resumed", "b resumed", "b after"], _log);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task After_Waits_WhatItWaitsForIsTheAnswer(bool innerIsPending)
    {
        var waiting = new WaitingStage("b", _log) { WaitsAfter = LaterAsync };
        using var predictor = Build(
            innerIsPending ? new FakePredictor((inputs, _) => LaterAsync()) : new FakePredictor(), Stage("a"), waiting);

        Assert.Equal(9, Answers.Read(await predictor.PredictAsync(Answers.Request(7), cancellationToken: Ct)));

        Assert.Equal(["a before", "b before", "b after", "a after Ok"], _log);
    }

    [Theory]
    [InlineData("before")]
    [InlineData("after")]
    public async Task Hook_WaitsForWhatFails_StagesThatAreInsideSeeTheFailure(string hook)
    {
        static async ValueTask<Prediction> FailAsync()
        {
            await Task.Yield();
            throw new InvalidOperationException("boom");
        }

        var waiting = new WaitingStage("b", _log)
        {
            WaitsBefore = hook == "before" ? FailAsync : null,
            WaitsAfter = hook == "after" ? FailAsync : null,
        };
        using var predictor = Build(new FakePredictor(), Stage("a"), waiting);

        await Assert.ThrowsAsync<InvalidOperationException>(async () =>
            await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct));

        // One that is left already is not told again.
        Assert.Equal(
            hook == "before" ? ["a before", "b before", "b failed", "a failed boom"] : ["a before", "b before", "b after", "a failed boom"],
            _log);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Failed_HasAnAnswer_StagesAroundItSeeThat(bool pending)
    {
        var inner = new FakePredictor(async (_, _) =>
        {
            if (pending) await Task.Yield();
            throw new InvalidOperationException("boom");
        });
        var answering = new WaitingStage("b", _log) { AnswersFailures = true };
        using var predictor = Build(inner, Stage("a"), answering, Stage("c"));

        using var answer = await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct);

        Assert.Equal(PredictionStatus.Overloaded, answer.Status);
        Assert.Equal(["a before", "b before", "c before", "c failed boom", "b failed", "a after Overloaded"], _log);
    }

    [Fact]
    public async Task Resume_CallersContext_IsThereWhateverThreadGoesOn()
    {
        var local = new AsyncLocal<string>();
        var seen = new List<string?>();
        var waited = new TaskCompletionSource<Prediction>(TaskCreationOptions.RunContinuationsAsynchronously);
        var waiting = new WaitingStage("b", _log)
        {
            WaitsBefore = () => new(waited.Task),
            Resumed = [StageOutcome.Next],
            OnResume = () => seen.Add(local.Value),
        };
        var inner = new FakePredictor((inputs, _) =>
        {
            seen.Add(local.Value);
            return new(Answers.Echo(inputs));
        });
        using var predictor = Build(inner, waiting);

        local.Value = "caller";
        var pending = predictor.PredictAsync(Answers.Request(7), cancellationToken: Ct);
        local.Value = "other";
        using (ExecutionContext.SuppressFlow())
            _ = Task.Run(() => waited.SetResult(default), Ct);
        Assert.Equal(7, Answers.Read(await pending));

        Assert.Equal(["caller", "caller"], seen);
    }

    [Fact]
    public async Task Build_MoreStagesThanOneOperationTakes_RunsAllInOrder()
    {
        var builder = new PredictorBuilder(new FakePredictor());
        var names = Enumerable.Range(0, 20).Select(static i => $"s{i}").ToList();
        foreach (var name in names)
            builder.UseStage((_, _) => Stage(name));
        using (var predictor = builder.Build())
            Assert.Equal(7, Answers.Read(await predictor.PredictAsync(Answers.Request(7), cancellationToken: Ct)));

        Assert.Equal(
            [
                .. names.Select(static name => $"{name} before"),
                .. names.AsEnumerable().Reverse().Select(static name => $"{name} after Ok"),
                .. names.Select(static name => $"{name} disposed"),
            ],
            _log);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Before_NamesAnotherTarget_ItTakesThePlaceOfAllThatIsBehind(bool waits)
    {
        var (inner, target) =
            (new FakePredictor(), new FakePredictor((inputs, _) => waits ? LaterAsync() : new(Answers.Echo(Answers.Request(9)))));
        var naming = new FakeStage("b", _log)
        {
            OnBefore = (ref StageCall call) =>
            {
                call.Target = target;
                return true;
            },
        };
        using var predictor = Build(inner, Stage("a"), naming, Stage("c"));

        Assert.Equal(9, Answers.Read(await predictor.PredictAsync(Answers.Request(7), cancellationToken: Ct)));

        Assert.Equal((0, 1), (inner.Calls, target.Calls));
        Assert.Equal(["a before", "b before", "b after Ok", "a after Ok"], _log);
    }

    [Fact]
    public void Build_StageIsMade_SeesThoseBehindIt()
    {
        List<object?> seen = [];
        var inner = new FakePredictor();
        using var predictor = new PredictorBuilder(inner)
            .UseStage((behind, _) =>
            {
                seen.Add(behind.GetService<FakeStage>());
                return new WaitingStage("a", _log);
            })
            .UseStage((behind, _) =>
            {
                seen.Add(behind.GetService<FakeStage>());
                return Stage("b");
            })
            .Build();

        Assert.Null(seen[0]);
        Assert.IsType<FakeStage>(seen[1]);
    }

    [Fact]
    public async Task PredictAsync_AsManyStagesAsThereMayBe_AnswersAndMoreAreRefused()
    {
        var inner = new PendingPredictor();
        var stages = Enumerable.Range(0, StagedPredictor.MaxStages).Select(PredictionStage (_) => new PassingStage()).ToArray();
        using var predictor = Build(inner, stages);
        Assert.Throws<ArgumentOutOfRangeException>(() => Build(inner, [.. stages, new PassingStage()]));

        var pending = predictor.PredictAsync(Answers.Request(7), cancellationToken: Ct);
        Assert.False(pending.IsCompleted);
        inner.Answer();
        Assert.Equal(7, Answers.Read(await pending));
    }

    private static async ValueTask<Prediction> LaterAsync()
    {
        await Task.Yield();
        return Answers.Echo(Answers.Request(9));
    }

    private static StagedPredictor Build(IPredictor inner, params PredictionStage[] stages) => new(inner, stages, TimeProvider.System);

    private FakeStage Stage(string name) => new(name, _log);

    private sealed class PassingStage : PredictionStage;
}
