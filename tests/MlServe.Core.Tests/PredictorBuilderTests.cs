using MlServe.Tests.Fakes;

namespace MlServe.Tests;

public sealed class PredictorBuilderTests
{
    private readonly List<string> _log = [];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Build_StagesAndDecorators_TheFirstUseIsTheOutermost()
    {
        using var predictor = new PredictorBuilder(new FakePredictor())
            .UseStage((_, _) => Stage("a"))
            .UseStage((_, _) => Stage("b"))
            .Use(inner => new Decorator("c", inner, _log))
            .UseStage((_, _) => Stage("d"))
            .Build();

        Answers.Read(await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct));

        Assert.Equal(["a before", "b before", "c before", "d before", "d after Ok", "c after", "b after Ok", "a after Ok"], _log);
    }

    [Fact]
    public void Build_StagesThatStandTogether_BecomeOnePredictor()
    {
        var inners = new List<IPredictor>();
        using var model = new PendingPredictor();
        using var predictor = new PredictorBuilder(model)
            .UseStage((inner, _) => Stage("a", inner, inners))
            .UseStage((inner, _) => Stage("b", inner, inners))
            .Use(inner => new Decorator("c", inner, _log))
            .UseStage((inner, _) => Stage("d", inner, inners))
            .Build();

        // From the innermost on; each sees what stands behind it.
        Assert.Same(model, inners[0]);
        var limited = Assert.IsType<LimitedPredictor>(inners[1]);
        Assert.IsType<Decorator>(limited.Layer);
        Assert.Same(limited, Assert.IsType<StagedPredictor>(inners[2]).Behind);
        Assert.Same(limited, predictor.GetService<StagedPredictor>()!.Behind);
    }

    [Fact]
    public void Build_NoLayers_PassesOn()
    {
        var model = new FakePredictor();
        using var predictor = new PredictorBuilder(model).Build();

        Assert.Same(model.Signature, predictor.Signature);
    }

    [Fact]
    public void Build_Services_ReachFactories()
    {
        var services = new FakeServices("a service");
        using var predictor = new PredictorBuilder(found =>
            new FakePredictor { Service = found.GetService(typeof(string)) }).Build(services);

        Assert.Equal("a service", predictor.GetService<string>());
    }

    [Fact]
    public void Build_WithoutServices_FactoriesFindNothing()
    {
        using var predictor = new PredictorBuilder(services =>
            new FakePredictor { Service = services.GetService(typeof(string)) ?? 1 }).Build();

        Assert.Equal(1, predictor.GetService(typeof(int)));
    }

    [Fact]
    public async Task Build_ClockAmongTheServices_IsTheOneThatStagesRead()
    {
        var clock = new CountingClock();
        using var predictor = new PredictorBuilder(new FakePredictor())
            .UseStage((_, _) => new FakeStage("a", _log) { OnBefore = static (ref StageCall call) => call.Started > 0 })
            .Build(new FakeServices(clock));

        Answers.Read(await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct));

        Assert.Equal(1, clock.Reads);
    }

    [Fact]
    public void Dispose_WhatTheBuilderMade_IsDisposedOutermostFirst()
    {
        var predictor = new PredictorBuilder(_ => new FakePredictor { OnDispose = () => _log.Add("model disposed") })
            .UseStage((_, _) => Stage("a"))
            .Use(inner => new Decorator("b", inner, _log))
            .UseStage((_, _) => Stage("c"))
            .Build();

        predictor.Dispose();
        predictor.Dispose();

        Assert.Equal(["a disposed", "b disposed", "c disposed", "model disposed"], _log);
    }

    [Fact]
    public async Task DisposeAsync_WhatTheBuilderMade_IsDisposedOutermostFirstAndOnce()
    {
        var predictor = new PredictorBuilder(_ => new FakePredictor { OnDispose = () => _log.Add("model disposed") })
            .Use(inner => new Decorator("a", inner, _log))
            .UseStage((_, _) => Stage("b"))
            .Build();

        await predictor.DisposeAsync();
        await predictor.DisposeAsync();
        predictor.Dispose();

        Assert.Equal(["a disposed", "b disposed", "model disposed"], _log);
    }

    [Fact]
    public void Dispose_PredictorThatWasHandedIn_IsLeftAlone()
    {
        var model = new FakePredictor();

        new PredictorBuilder(model).UseStage((_, _) => Stage("a")).Use(inner => inner).Build().Dispose();

        Assert.Equal(0, model.Disposals);
        Assert.Equal(["a disposed"], _log);
    }

    [Fact]
    public async Task PredictAsync_Disposed_Throws()
    {
        var predictor = new PredictorBuilder(new FakePredictor()).Build();
        predictor.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
            await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct));
    }

    [Fact]
    public void Build_DecoratorThrows_DisposesWhatWasMade()
    {
        var builder = new PredictorBuilder(_ => new FakePredictor { OnDispose = () => _log.Add("model disposed") })
            .Use(IPredictor (_) => throw new InvalidOperationException("boom"))
            .Use(inner => new Decorator("b", inner, _log))
            .UseStage((_, _) => Stage("c"));

        Assert.Throws<InvalidOperationException>(() => builder.Build());

        Assert.Equal(["b disposed", "c disposed", "model disposed"], _log);
    }

    [Fact]
    public void Build_StageThrows_DisposesTheStagesBesideItToo()
    {
        var builder = new PredictorBuilder(_ => new FakePredictor { OnDispose = () => _log.Add("model disposed") })
            .UseStage((_, _) => Stage("a"))
            .UseStage((_, _) => throw new InvalidOperationException("boom"))
            .UseStage((_, _) => Stage("c"));

        Assert.Throws<InvalidOperationException>(() => builder.Build());

        // Stages are made from the innermost on.
        Assert.Equal(["c disposed", "model disposed"], _log);
    }

    [Fact]
    public void Build_FactoriesReturnNull_SaysWhich()
    {
        var model = Assert.Throws<InvalidOperationException>(() => new PredictorBuilder(_ => null!).Build());
        var decorator = Assert.Throws<InvalidOperationException>(
            () => new PredictorBuilder(new FakePredictor()).Use(inner => inner).Use(IPredictor (_) => null!).Build());

        Assert.Contains("inner predictor", model.Message, StringComparison.Ordinal);
        Assert.Contains("decorator 2", decorator.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Build_Twice_MakesTwoThatShareNothing()
    {
        var models = new List<FakePredictor>();
        var builder = new PredictorBuilder(_ =>
        {
            models.Add(new());
            return models[^1];
        }).UseStage((_, _) => Stage("a"));

        var first = builder.Build();
        using var second = builder.Build();
        first.Dispose();
        Answers.Read(await second.PredictAsync(Answers.Request(1), cancellationToken: Ct));

        Assert.Equal([1, 0], models.Select(static model => model.Disposals));
        Assert.Equal([0, 1], models.Select(static model => model.Calls));
    }

    private FakeStage Stage(string name) => new(name, _log);

    private FakeStage Stage(string name, IPredictor inner, List<IPredictor> inners)
    {
        // Factories of the innermost layers are called first.
        inners.Add(inner);
        return Stage(name);
    }

    private sealed class Decorator(string name, IPredictor inner, List<string> log) : DelegatingPredictor(inner)
    {
        public override async ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
        {
            log.Add($"{name} before");
            var prediction = await base.PredictAsync(inputs, options, cancellationToken);
            log.Add($"{name} after");
            return prediction;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing) log.Add($"{name} disposed");
            base.Dispose(disposing);
        }
    }
}
