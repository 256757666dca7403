using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace MlServe;

public sealed class HostLifecycleTests : IDisposable
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private readonly TestHost _test = new();

    public void Dispose() => _test.Dispose();

    [Fact]
    public async Task PredictAsync_HostStarted_Answers()
    {
        using var host = await _test.StartAsync(services => services.AddMlServing().AddModel("sum", model => model.FromFile("m.onnx")));

        Assert.Equal(6, await host.Services.GetRequiredKeyedService<IPredictor>("sum").SumAsync());
    }

    [Fact]
    public async Task PredictAsync_HostNotStarted_IsNotReadyAndSaysWhy()
    {
        using var host = _test.Build(services => services.AddMlServing().AddModel("sum", model => model.FromFile("m.onnx")));

        var error = await host.Services.GetRequiredService<IPredictor>().ErrorAsync();

        Assert.Equal((PredictionStatus.NotReady, PredictionErrorCode.NotLoaded), (error.Status, error.Code));
        Assert.Equal(
            "Model 'sum' is not loaded: models are loaded when the host starts; without a host, by IPredictorProvider.LoadAsync.",
            error.Message);
    }

    [Fact]
    public async Task Signature_HostNotStarted_IsUnknownAndIsThereOnceItHasStarted()
    {
        using var host = _test.Build(services => services.AddMlServing().AddModel("sum", model => model.FromFile("m.onnx")));
        var predictor = host.Services.GetRequiredService<IPredictor>();

        Assert.Same(ModelSignature.Unknown, predictor.Signature);
        Assert.Equal((false, 0, 0), (predictor.Signature.IsKnown, predictor.Signature.Inputs.Count, predictor.Signature.Outputs.Count));
        var typed = predictor.As<float, float>(
            static (input, writer) => writer.Write<float>([input]), static answer => answer[0].ToArray<float>()[0]);
        var refused = await Assert.ThrowsAsync<PredictionException>(async () => await typed.PredictAsync(1f, cancellationToken: Token));
        Assert.Equal(PredictionErrorCode.NotLoaded, refused.Error.Code);
        var many = await typed.PredictManyAsync([1f, 2f], cancellationToken: Token);
        Assert.All(many, static result => Assert.Equal(PredictionErrorCode.NotLoaded, result.Error!.Code));
        await host.StartAsync(Token);

        Assert.True(predictor.Signature.IsKnown);
        Assert.Equal("x", predictor.Signature.Inputs[0].Name);
        Assert.Equal("sum", predictor.GetService<ModelIdentity>()!.Name);
    }

    [Fact]
    public async Task Dispose_WhatIsInjected_DoesNotCloseTheModel()
    {
        using var host = _test.Build(services => services.AddMlServing().AddModel("sum", model => model.FromFile("m.onnx")));
        var provider = host.Services.GetRequiredService<IPredictorProvider>();
        Func<IPredictor>[] ways =
        [
            () => host.Services.GetRequiredService<IPredictor>(),
            () => host.Services.GetRequiredKeyedService<IPredictor>("sum"),
            () => provider.GetPredictor("sum"),
        ];
        foreach (var way in ways)
            way().Dispose();
        await host.StartAsync(Token);
        foreach (var way in ways)
        {
            way().Dispose();
            await way().DisposeAsync();
            await using (var scope = host.Services.CreateAsyncScope())
                _ = scope.ServiceProvider.GetRequiredKeyedService<IPredictor>("sum");
            Assert.Equal(6, await way().SumAsync());
        }

        var injected = ways[0]();
        await host.StopAsync(Token);
        Assert.Equal(PredictionErrorCode.Draining, (await injected.ErrorAsync()).Code);
    }

    [Fact]
    public async Task LoadAsync_WithoutHost_LoadsAllModels()
    {
        var services = new ServiceCollection();
        services.AddMlServing().AddModel("sum", model => model.FromBytes(TinyOnnx.WeightedSum(weight: 2)));
        await using var container = services.BuildServiceProvider();

        await container.GetRequiredService<IPredictorProvider>().LoadAsync(Token);

        Assert.Equal(12, await container.GetRequiredService<IPredictor>().SumAsync());
    }

    [Fact]
    public async Task StartAsync_OtherHostedService_StartsAfterModelsAreLoaded()
    {
        var probe = new StartProbe();
        using var host = await _test.StartAsync(services =>
        {
            services.AddHostedService(provider => probe.Watch(provider.GetRequiredService<IPredictorProvider>()));
            services.AddMlServing().AddModel("sum", model => model.FromFile("m.onnx"));
        });

        Assert.Equal(6, probe.AnswerAtStart);
    }

    [Fact]
    public async Task StartAsync_FileMissing_FailsAndNamesModelKeyAndPath()
    {
        var thrown = await Assert.ThrowsAsync<ModelLoadException>(() => _test.StartAsync(
            services => services.AddMlServing(), """{ "MlServing": { "Models": { "sum": { "Path": "models/none.onnx" } } } }"""));

        Assert.Equal(ModelLoadFailure.NotFound, thrown.Failure);
        Assert.StartsWith("Model 'sum' (MlServing:Models:sum) could not be loaded.", thrown.Message, StringComparison.Ordinal);
        Assert.Contains(Path.Combine(_test.Folder, "models", "none.onnx"), thrown.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("empty.onnx", "", ModelLoadFailure.Empty)]
    [InlineData("text.onnx", "this is no model", ModelLoadFailure.Malformed)]
    public async Task StartAsync_FileIsNoModel_FailsAndNamesModelKeyAndPath(string file, string content, ModelLoadFailure failure)
    {
        await File.WriteAllTextAsync(Path.Combine(_test.Folder, file), content, Token);

        var thrown = await Assert.ThrowsAsync<ModelLoadException>(
            () => _test.StartAsync(services => services.AddMlServing().AddModel("sum", model => model.FromFile(file))));

        Assert.Equal(failure, thrown.Failure);
        Assert.Contains("'sum' (MlServing:Models:sum)", thrown.Message, StringComparison.Ordinal);
        Assert.Contains(file, thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StartAsync_SeveralModelsFail_NamesAllOfThem()
    {
        var thrown = await Assert.ThrowsAsync<ModelLoadException>(() => _test.StartAsync(services => services.AddMlServing()
            .AddModel("good", model => model.FromFile("m.onnx"))
            .AddModel("lost", model => model.FromFile("lost.onnx"))
            .AddModel("gone", model => model.FromFile("gone.onnx"))));

        Assert.Contains("'lost'", thrown.Message, StringComparison.Ordinal);
        Assert.Contains("'gone'", thrown.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("'good'", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StartAsync_UserCodeThrows_FailsAndNamesModel()
    {
        var thrown = await Assert.ThrowsAsync<ModelLoadException>(() => _test.StartAsync(services => services.AddMlServing()
            .AddModel(
                "sum",
                model => model.FromFile("m.onnx").ConfigurePipeline(_ => throw new InvalidOperationException("The layer is broken.")))));

        Assert.Equal("Model 'sum' (MlServing:Models:sum) could not be loaded. The layer is broken.", thrown.Message);
        Assert.IsType<InvalidOperationException>(thrown.InnerException);
    }

    [Fact]
    public async Task StartAsync_Cancelled_IsCancelled()
    {
        using var host = _test.Build(services => services.AddMlServing().AddModel("sum", model => model.FromFile("m.onnx")));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => host.StartAsync(new CancellationToken(canceled: true)));

        Assert.Equal(PredictionErrorCode.NotLoaded, (await host.Services.GetRequiredService<IPredictor>().ErrorAsync()).Code);
    }

    [Fact]
    public async Task StopAsync_RequestsInFlight_AllAreAnsweredAndNewOnesRefused()
    {
        const int Requests = 64;
        var hold = new HeldPredictor.Hold();
        using var host = await _test.StartAsync(services => services.AddMlServing()
            .AddModel("sum", model => model.FromFile("m.onnx").Use(inner => new HeldPredictor(inner, hold))));
        var predictor = host.Services.GetRequiredService<IPredictor>();
        var pending = Enumerable.Range(0, Requests).Select(_ => predictor.SumAsync()).ToList();

        var stopping = host.StopAsync(Token);
        var late = await UntilRefusedAsync(predictor, pending);
        var isWaiting = !stopping.IsCompleted;
        hold.Release();
        await stopping;

        Assert.True(isWaiting);
        Assert.Equal((PredictionStatus.NotReady, PredictionErrorCode.Draining), (late.Status, late.Code));
        Assert.All(await Task.WhenAll(pending), static answer => Assert.Equal(6, answer));
        Assert.Equal(1, hold.Disposals);
    }

    [Fact]
    public async Task StopAsync_OtherServiceStillWorks_GetsAnswers()
    {
        var probe = new StopProbe();
        using var host = await _test.StartAsync(services =>
        {
            services.AddHostedService(provider => probe.Watch(provider.GetRequiredService<IPredictorProvider>()));
            services.AddMlServing().AddModel("sum", model => model.FromFile("m.onnx"));
        });

        await host.StopAsync(Token);

        Assert.Equal(6, probe.AnswerAtStop);
    }

    [Fact]
    public async Task StopAsync_RequestOutlastsDrainTimeout_GoesOnAndStillAnswersIt()
    {
        var hold = new HeldPredictor.Hold();
        var time = new FakeTimeProvider();
        var logs = new FakeLogCollector();
        using var host = await _test.StartAsync(services =>
        {
            services.AddSingleton<TimeProvider>(time);
            services.AddSingleton<ILoggerProvider>(new FakeLoggerProvider(logs));
            services.AddMlServing(options => options.DrainTimeout = TimeSpan.FromSeconds(5))
                .AddModel("sum", model => model.FromFile("m.onnx").Use(inner => new HeldPredictor(inner, hold)));
        });
        var predictor = host.Services.GetRequiredService<IPredictor>();
        var pending = predictor.SumAsync();

        var stopping = host.StopAsync(Token);
        await UntilAsync(() => logs.GetSnapshot().Any(static log => log.Id.Id == 4001));
        while (!stopping.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(5));
            await Task.Yield();
        }

        await stopping;
        var closedEarly = hold.Disposals;
        hold.Release();

        Assert.Equal(6, await pending);
        Assert.Equal(0, closedEarly);
        var warning = Assert.Single(logs.GetSnapshot(), static log => log.Level == LogLevel.Warning);
        Assert.StartsWith(
            "Model sum has 1 requests still to answer, and MlServing:DrainTimeout (00:00:05)", warning.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StartAsync_TwoHostsInOneProcess_HaveGatesAndModelsOfTheirOwn()
    {
        _test.WriteModel("double.onnx", weight: 2);
        using var first = await _test.StartAsync(services => services
            .AddMlServing(options => options.MaxConcurrentRuns = 1).AddModel("sum", model => model.FromFile("m.onnx")));
        using var second = await _test.StartAsync(services => services
            .AddMlServing(options => options.MaxConcurrentRuns = 3).AddModel("sum", model => model.FromFile("double.onnx")));

        await first.StopAsync(Token);

        Assert.Equal(PredictionErrorCode.Draining, (await first.Services.GetRequiredService<IPredictor>().ErrorAsync()).Code);
        Assert.Equal(12, await second.Services.GetRequiredService<IPredictor>().SumAsync());
        Assert.Equal(1, first.Services.GetRequiredService<RunGate>().MaxConcurrentRuns);
        Assert.Equal(3, second.Services.GetRequiredService<RunGate>().MaxConcurrentRuns);
    }

    [Theory]
    [InlineData("EnableTelemetry", "true", "EnableTelemetry True")]
    [InlineData("SharedThreadPoolThreads", "2", "SharedThreadPoolThreads 2")]
    public async Task StartAsync_RuntimeIsUpWithOtherOptions_Fails(string option, string value, string message)
    {
        using var first = await _test.StartAsync(services => services.AddMlServing().AddModel("sum", model => model.FromFile("m.onnx")));

        var thrown = await Assert.ThrowsAsync<InvalidOperationException>(() => _test.StartAsync(
            services => services.AddMlServing(),
            $$"""{ "MlServing": { "Runtime": { "{{option}}": {{value}} }, "Models": { "sum": { "Path": "m.onnx" } } } }"""));

        Assert.StartsWith("MlServing:Runtime: ", thrown.Message, StringComparison.Ordinal);
        Assert.Contains(message, thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PredictAsync_BeforeLoadAndAfter_IsMeasured()
    {
        using var host = _test.Build(services => services.AddMlServing().AddModel("sum", model => model.FromFile("m.onnx")));
        using var durations = new MetricCollector<double>(
            host.Services.GetRequiredService<IMeterFactory>(), MlServeDiagnostics.MeterName, MlServeDiagnostics.PredictionDurationMetric);
        var predictor = host.Services.GetRequiredService<IPredictor>();

        await predictor.ErrorAsync();
        await host.StartAsync(Token);
        await predictor.SumAsync();

        var measured = durations.GetMeasurementSnapshot();
        Assert.All(measured, static measurement => Assert.Equal("sum", measurement.Tags[MlServeDiagnostics.ModelTag]));
        Assert.Equal(
            ["not_ready", null],
            measured.Select(static measurement => measurement.Tags.GetValueOrDefault(MlServeDiagnostics.ErrorTypeTag)));
    }

    [Fact]
    public async Task PredictAsync_Loaded_AllocatesNoMoreThanTheModelAlone()
    {
        using var host = await _test.StartAsync(services => services.AddMlServing().AddModel("sum", model => model.FromFile("m.onnx")));
        using var alone = Onnx.OnnxPredictor.Load(Path.Combine(_test.Folder, "m.onnx"));

        Assert.Equal(AllocatedBy(alone), AllocatedBy(host.Services.GetRequiredService<IPredictor>()));
    }

    /// <summary>
    /// The bytes of the hundred predictions that allocated least: compiling and the test host allocate on some, the code itself on all.
    /// </summary>
    private static long AllocatedBy(IPredictor predictor)
    {
        var least = long.MaxValue;
        for (var round = 0; round < 20; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 100; i++)
            {
                var pending = predictor.PredictAsync(Asking.OneTwoThree);
                using var prediction = pending.IsCompletedSuccessfully
                    ? pending.GetAwaiter().GetResult()
                    : throw new InvalidOperationException("It did not answer at once.");
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }

    /// <summary>Asks until a request is refused; those that got in before join the others.</summary>
    private static async Task<PredictionError> UntilRefusedAsync(IPredictor predictor, List<Task<float>> pending)
    {
        while (true)
        {
            var next = predictor.PredictAsync(Asking.OneTwoThree, cancellationToken: Token);
            if (next.IsCompleted)
            {
                using var refused = await next;
                return refused.Error;
            }

            pending.Add(SumOf(next.AsTask()));
            await Task.Yield();
        }
    }

    private static async Task<float> SumOf(Task<Prediction> pending)
    {
        using var prediction = await pending;
        return prediction["y"].ToScalar<float>();
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
        {
            Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private sealed class StartProbe : IHostedService
    {
        private IPredictorProvider? _provider;

        public float AnswerAtStart { get; private set; }

        public StartProbe Watch(IPredictorProvider provider)
        {
            _provider = provider;
            return this;
        }

        public async Task StartAsync(CancellationToken cancellationToken) =>
            AnswerAtStart = await _provider!.GetPredictor("sum").SumAsync();

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private sealed class StopProbe : IHostedService
    {
        private IPredictorProvider? _provider;

        public float AnswerAtStop { get; private set; }

        public StopProbe Watch(IPredictorProvider provider)
        {
            _provider = provider;
            return this;
        }

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public async Task StopAsync(CancellationToken cancellationToken) => AnswerAtStop = await _provider!.GetPredictor("sum").SumAsync();
    }
}
