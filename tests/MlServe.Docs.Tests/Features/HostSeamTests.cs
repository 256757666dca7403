using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.ML.OnnxRuntime;
using MlServe.Caching;
using MlServe.Guests;
using MlServe.Onnx;
using MlServe.Resilience;
using MlServe.Tensors;
using MlServe.Threading;
using Xunit;

namespace MlServe.Docs;

/// <summary>What a host, or a package that runs sessions of its own, is made of.</summary>
public sealed class HostSeamTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Host_OfSomebodyElse_ServesChainsWarmsUpAndEnds()
    {
        // A directory, a cache that versions share, and a model's chain before the model is there.
        using var other = await OnnxPredictor.LoadAsync(ModelSource.FromBytes(SumModel.Bytes(factor: 10)), cancellationToken: Token);
        var directory = new Directory { ["other"] = other };
        var services = new ServiceCollection().AddSingleton<CacheHost>().AddSingleton<IPredictorDirectory>(directory).AddLogging();
        await using var container = services.BuildServiceProvider();
        var context = PipelineContext.From(container) with { Identity = new("m"), ServiceLevel = new() };
        Assert.Same(container.GetRequiredService<CacheHost>(), context.Find<CacheHost>());

        var door = new Door();
        var chain = FallbackChain.Create(door, new FallbackBuilder().To("other").Steps, context);
        using var owner = new PredictorBuilder(door).UseFallback(chain).BuildOwned(context);
        owner.Predictor.Dispose();
        Assert.Equal(30, await AskAsync(owner.Predictor));

        // Inspected, loaded as a wrapped source would load it, warmed up without a trace, and put into its place.
        var options = new OnnxModelOptions();
        var source = ModelSource.AsLoaded(ModelSource.FromBytes(SumModel.Bytes()), options);
        Assert.Equal("x", Assert.Single((await OnnxPredictor.InspectAsync(source, options, cancellationToken: Token)).Inputs).Name);
        await using var model = await OnnxPredictor.LoadAsync(source, options, cancellationToken: Token);
        var counted = 0;
        using var pipeline = new PredictorBuilder(model).UseCache(new CacheOptions())
            .Use((IPredictor inner, PipelineContext pipeline) =>
                new Onlooker(inner, (_, _) => counted += pipeline.IsWarmUp ? 0 : 1)).Build(context);
        await PipelineWarmUp.RunAsync(pipeline, owner.Predictor, context, Token);
        Assert.Equal((0, 0L), (counted, pipeline.GetService<CacheStatistics>()!.Hits));

        door.Model = pipeline;
        Assert.Empty(chain.Steps.SelectMany(step => step.ProblemsOf("m", pipeline, directory.Find(step.Model!))));
        Assert.Empty(SignatureFit.Misfits(pipeline.Signature, other.Signature));
        chain.SetSteps(new FallbackBuilder().ThenNumbers([new("y", [7])]).Steps, pipeline.Signature);
        chain.TellBreaker();
        Assert.Equal(3, await AskAsync(owner.Predictor));
        door.Model = null;
        Assert.Equal(7, await AskAsync(owner.Predictor));

        owner.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => AskAsync(owner.Predictor));
    }

    [Fact]
    public void Steps_ThatCannotStandIn_SayWhy()
    {
        using var model = SumModel.Load();

        var steps = new FallbackBuilder().To("other").After(TimeSpan.FromSeconds(1)).ThenNumbers([new("z", [1])]).ThenStaleAnswer().Steps;

        Assert.Equal(["other", null, null], steps.Select(static step => step.Model));
        Assert.Equal([TimeSpan.FromSeconds(1), null, null], steps.Select(static step => step.After));
        Assert.Equal([false, false, true], steps.Select(static step => step.NeedsStaleAnswers));
        Assert.StartsWith("The fallback chain of model 'm' gives a value to 'z'", steps[1].ProblemsOf("m", model).First(),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Source_ThatMakesTheModel_IsNotHurriedAndAStuckOneIs()
    {
        var options = new OnnxModelOptions { LoadTimeout = TimeSpan.FromSeconds(1) };
        var made = new MadeModelSource(ModelSource.FromBytes(SumModel.Bytes()), TimeSpan.FromSeconds(1.2));

        using var model = await OnnxPredictor.LoadAsync(ModelSource.AsLoaded(made, options), options, cancellationToken: Token);
        var thrown = await Assert.ThrowsAsync<ModelLoadException>(async () =>
            await ModelSource.AsLoaded(new StuckModelSource(), options).ReadAsync(Token));

        Assert.False(made.WasHurried);
        Assert.Equal(3, await AskAsync(model));
        Assert.Equal(ModelLoadFailure.TimedOut, thrown.Failure);
    }

    [Fact]
    public async Task Session_OfAPackagesOwn_AnswersAsThePredictorDoes()
    {
        Assert.NotEmpty(OnnxRuntimeEnvironment.Start());
        using var model = SumModel.Load();
        InferenceSession session;
        using (OnnxRuntimeEnvironment.TakeSessionTurn())
            session = new(SumModel.Bytes());
        using var opened = session;
        var encoder = new OnnxInputEncoder(model.Signature);
        var row = SumModel.Row(2);

        Assert.Null(encoder.Check(in row, out var rows));
        var values = encoder.Encode(in row);
        using var options = new RunOptions();
        using var outputs = session.Run(options, values, ["y"]);
        var answer = outputs[0].GetTensorDataAsSpan<float>()[0];
        foreach (var value in values.Values)
            value.Dispose();

        Assert.Equal((1, 6f, await AskAsync(model, 2)), (rows, answer, answer));
        var wrong = PredictionInputs.Row([1.0]);
        Assert.NotNull(encoder.Check(in wrong, out _));
        Assert.Throws<ArgumentException>(() => encoder.Encode(PredictionInputs.Row([1.0])));
        Assert.Equal(("float", 4), (ElementType.Float.ToOnnxName(), ElementType.Float.SizeInBytes()));
    }

    [Fact]
    public void Guests_ThatThrow_AreNoneOfItsConcern()
    {
        using var guest = new BadGuest();

        var log = Guards.LogOf(guest)!;
        Assert.False(log.IsEnabled(LogLevel.Error));
        Guards.Report(BadGuest.Kind, new InvalidOperationException("mine"), guest);
        Assert.True(Guards.ClockOf(guest).GetTimestamp() >= 0);
        Assert.Same(TimeProvider.System, Guards.ClockOf(null));
        Assert.Null(Guards.LogOf(null));
    }

    [Fact]
    public async Task Work_ThatAnswersDependOn_EndsWhateverCallbacksDo()
    {
        var ran = false;
        await UrgentTasks.Run(() =>
        {
            ran = true;
            return Task.CompletedTask;
        });
        Assert.True(ran);
        Assert.True(await UrgentTasks.WaitForAsync(Task.CompletedTask, TimeSpan.Zero, TimeProvider.System, Token));
        Assert.False(await UrgentTasks.WaitForAsync(
            new TaskCompletionSource().Task, TimeSpan.FromMilliseconds(1), TimeProvider.System, Token));

        using var here = Throwing();
        UrgentTasks.Cancel(here);
        using var elsewhere = Throwing();
        await UrgentTasks.CancelAsync(elsewhere);
        using var late = Throwing();
        var end = new TaskCompletionSource();
        await using var registration = late.Token.Register(end.SetResult);
        using (UrgentTasks.CancelAfter(late, TimeSpan.FromMilliseconds(1), TimeProvider.System))
            await end.Task;
        Assert.True(here.IsCancellationRequested && elsewhere.IsCancellationRequested && late.IsCancellationRequested);

        static CancellationTokenSource Throwing()
        {
            var source = new CancellationTokenSource();
            source.Token.Register(static () => throw new InvalidOperationException("of the application"));
            return source;
        }
    }

    private static async Task<float> AskAsync(IPredictor predictor, float value = 1)
    {
        using var prediction = await predictor.PredictAsync(SumModel.Row(value), cancellationToken: Token);
        return prediction.EnsureOk()[0].ToScalar<float>();
    }

    private sealed class Directory : Dictionary<string, IPredictor>, IPredictorDirectory
    {
        public IPredictor? Find(string name) => this.GetValueOrDefault(name);
    }

    /// <summary>A model that may not be there yet.</summary>
    private sealed class Door : IPredictor, IKeepsDeadlines
    {
        public IPredictor? Model { get; set; }

        public ModelSignature Signature => Model?.Signature ?? ModelSignature.Unknown;

        public ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default) =>
            Model?.PredictAsync(inputs, options, cancellationToken)
                ?? new(Prediction.FromError(new(PredictionStatus.NotReady, PredictionErrorCode.NotLoaded, "Not yet.")));

        public object? GetService(Type serviceType, object? serviceKey = null) => Model?.GetService(serviceType, serviceKey);

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => default;
    }
}
