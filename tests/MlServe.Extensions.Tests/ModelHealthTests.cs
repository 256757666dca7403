using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using MlServe.Hosting;
using MlServe.Onnx;
using MlServe.Resilience;
using Xunit;

namespace MlServe;

/// <summary>
/// Health by model: what is wrong with one is said, and takes the service away only where a model that it needs cannot answer at all.
/// </summary>
public sealed class ModelHealthTests : IDisposable
{
    private const string All = "mlserving";
    private const string One = "mlserving:one";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private readonly TestHost _test = new();
    private readonly FakeLogCollector _logs = new();
    private readonly FakeTimeProvider _time = new();

    public void Dispose() => _test.Dispose();

    [Theory]
    [InlineData(CircuitState.Open, "CircuitOpen", "open")]
    [InlineData(CircuitState.HalfOpen, "CircuitHalfOpen", "half open")]
    [InlineData(CircuitState.Isolated, "CircuitIsolated", "opened by hand")]
    public async Task CheckHealth_CircuitIsNotClosed_IsDegradedUntilItIs(CircuitState state, string word, string words)
    {
        using var host = await StartAsync(static model => model.UseCircuitBreaker());
        var predictor = host.Services.GetRequiredKeyedService<IPredictor>("one");
        var circuit = predictor.GetService<ICircuitBreaker>()!;
        if (state == CircuitState.Isolated) circuit.Isolate();
        else circuit.Open(TimeSpan.FromMinutes(1));
        if (state == CircuitState.HalfOpen)
        {
            _time.Advance(TimeSpan.FromMinutes(1));
            await predictor.SumAsync();
        }

        var report = await CheckAsync(host);
        circuit.Close();
        var closed = await CheckAsync(host);

        Assert.Equal((HealthStatus.Degraded, HealthStatus.Degraded), (report.Entries[All].Status, report.Entries[One].Status));
        Assert.Equal((word, "Ready"), (report.Entries[All].Data["one"], report.Entries[All].Data["two"]));
        Assert.Equal($"All models answer, and not all as they should: the circuit of 'one' is {words}.", report.Entries[All].Description);
        Assert.Equal(HealthStatus.Healthy, report.Entries["mlserving:two"].Status);
        Assert.Equal(HealthStatus.Healthy, closed.Status);
    }

    [Fact]
    public async Task CheckHealth_WarmUpFailed_IsDegradedAndSaysWhy()
    {
        using var host = await StartAsync(static model => model.Use(static inner => new Described(inner)));

        var report = await CheckAsync(host);

        Assert.Equal((HealthStatus.Degraded, "WarmUpFailed"), (report.Entries[All].Status, report.Entries[One].Data["one"]));
        Assert.Contains("the warm-up of 'one' failed: the runtime's words", report.Entries[One].Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CheckHealth_LayerThrowsWhenAsked_SaysWhatIsKnown()
    {
        using var host = await StartAsync(static model => model.Use(static inner => new Unspeaking(inner)));

        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(host)).Status);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task StartAsync_ModelThatIsNotRequiredIsNotThere_StartsAndComesLater(bool isConfigured)
    {
        var settings = isConfigured ? """{ "MlServing": { "Models": { "one": { "Required": false } } } }""" : "{}";
        using var host = await StartAsync(model => (isConfigured ? model : model.AsOptional()).FromFile("late.onnx"), settings: settings);
        var predictor = host.Services.GetRequiredKeyedService<IPredictor>("one");

        var report = await CheckAsync(host);
        var error = await predictor.ErrorAsync();
        var other = await host.Services.GetRequiredKeyedService<IPredictor>("two").SumAsync();

        Assert.Equal((PredictionStatus.NotReady, PredictionErrorCode.NotLoaded, 6f), (error.Status, error.Code, other));
        Assert.Equal((HealthStatus.Degraded, HealthStatus.Unhealthy), (report.Entries[All].Status, report.Entries[One].Status));
        Assert.Equal(ModelLoadFailure.NotFound, Assert.IsType<ModelLoadException>(report.Entries[One].Exception).Failure);
        Assert.Equal("Failed", report.Entries[All].Data["one"]);

        // In vain, and at a longer interval after that.
        await AdvanceAsync(LoadRetries.First, () => Count(4000) == 2);
        _test.WriteModel("late.onnx");
        await AdvanceAsync(LoadRetries.First * 2, () => predictor.GetService<ModelIdentity>() is not null);
        Assert.Equal(6, await predictor.SumAsync());
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(host)).Status);
        Assert.Equal(
            ["00:00:05", "00:00:10"],
            _logs.GetSnapshot().Where(static log => log.Id.Id == 4011).Select(static log => log.GetStructuredStateValue("Delay")));
    }

    [Fact]
    public async Task StartAsync_ModelThatIsNotRequiredHasAWrongKey_Fails()
    {
        var thrown = await Assert.ThrowsAnyAsync<Exception>(() =>
            StartAsync(static model => model.AsOptional(), settings: """{ "MlServing": { "Models": { "one": { "Pth": "m.onnx" } } } }"""));

        Assert.Contains("MlServing:Models:one:Pth is not a known key", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StopAsync_ModelIsStillTriedAgain_EndsAndTriesNoMore()
    {
        using var host = await StartAsync(static model => model.AsOptional().FromFile("late.onnx"));

        await host.StopAsync(Token);
        _test.WriteModel("late.onnx");
        _time.Advance(LoadRetries.Longest);

        Assert.Equal(PredictionErrorCode.Draining, (await host.Services.GetRequiredKeyedService<IPredictor>("one").ErrorAsync()).Code);
        Assert.Equal(1, Count(4000));
    }

    [Fact]
    public async Task CheckHealth_RequiredModelIsNotLoaded_IsUnhealthyUnlessSomebodyStandsIn()
    {
        using var alone = Build(static _ => { });
        using var stoodInFor = Build(static model => model.UseFallback(static fallback => fallback.ThenValue("y", 1f)));
        using var standInIsNotThere = Build(static model => model.UseFallback(static fallback => fallback.To("two")));

        Assert.Equal(HealthStatus.Unhealthy, (await CheckAsync(alone)).Entries[One].Status);
        var entry = (await CheckAsync(stoodInFor)).Entries[One];
        Assert.Equal((HealthStatus.Degraded, "'one' is NotLoaded, and its fallback chain answers."), (entry.Status, entry.Description));
        Assert.Equal(HealthStatus.Unhealthy, (await CheckAsync(standInIsNotThere)).Entries[One].Status);
    }

    [Fact]
    public async Task Reload_ModelAddedIsNotThere_IsTriedAgainByItself()
    {
        using var host = await StartAsync(static _ => { });

        var configuration = (IConfigurationRoot)host.Services.GetRequiredService<IConfiguration>();
        configuration["MlServing:Models:new:Path"] = "late.onnx";
        configuration.Reload();
        await AdvanceAsync(TimeSpan.Zero, () => Count(4011) == 1);
        var degraded = await CheckAsync(host);
        _test.WriteModel("late.onnx");
        await AdvanceAsync(
            LoadRetries.First, () => host.Services.GetRequiredKeyedService<IPredictor>("new").GetService<ModelIdentity>() is not null);

        Assert.Equal(HealthStatus.Degraded, degraded.Entries[All].Status);
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(host)).Status);
    }

    [Fact]
    public async Task CheckHealth_ModelThatThereIsNot_IsUnhealthyAndSaysSo()
    {
        using var host = _test.Build(static services =>
        {
            services.AddMlServing().AddModel("one", static model => model.FromFile("m.onnx"));
            services.AddHealthChecks().AddMlServingModel("onne", "check", HealthStatus.Degraded, ["tag"]).AddMlServingModel("ONE");
        });
        await host.StartAsync(Token);

        var report = await CheckAsync(host);

        Assert.Equal(
            (HealthStatus.Degraded, "There is no model 'onne'."), (report.Entries["check"].Status, report.Entries["check"].Description));
        Assert.Equal(["tag"], report.Entries["check"].Tags);
        Assert.Equal(HealthStatus.Healthy, report.Entries["mlserving:ONE"].Status);
    }

    private static Task<HealthReport> CheckAsync(IHost host) =>
        host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Token);

    private int Count(int id) => _logs.GetSnapshot().Count(log => log.Id.Id == id);

    private async Task AdvanceAsync(TimeSpan time, Func<bool> until)
    {
        _time.Advance(time);
        for (var wait = 1; wait <= 3000 && !until(); wait++)
        {
            await Task.Delay(10, Token);

            // What was to be done then may begin to wait for its time only now.
            if (wait % 500 == 0) _time.Advance(time);
        }

        Assert.True(until());
    }

    private async Task<IHost> StartAsync(Action<ModelBuilder> configure, string settings = "{}")
    {
        var host = Build(configure, settings);
        await host.StartAsync(Token);
        return host;
    }

    private IHost Build(Action<ModelBuilder> configure, string settings = "{}") => _test.Build(
        services =>
        {
            services.AddSingleton<TimeProvider>(_time);
            services.AddSingleton<ILoggerProvider>(new FakeLoggerProvider(_logs));
            services.AddMlServing()
                .AddModel("one", model => configure(model.FromFile("m.onnx")))
                .AddModel("two", static model => model.FromFile("m.onnx"));
            services.AddHealthChecks().AddMlServing().AddMlServingModel("one").AddMlServingModel("two");
        },
        settings);

    private sealed class Described(IPredictor inner) : DelegatingPredictor(inner)
    {
        public override object? GetService(Type serviceType, object? serviceKey = null) =>
            base.GetService(serviceType, serviceKey) is OnnxModelDescription description
                ? description with { WarmUpFailure = "the runtime's words" }
                : base.GetService(serviceType, serviceKey);
    }

    private sealed class Unspeaking(IPredictor inner) : DelegatingPredictor(inner)
    {
        public override object? GetService(Type serviceType, object? serviceKey = null) =>
            serviceType == typeof(ICircuitBreaker)
                ? throw new InvalidOperationException("I do not say.")
                : base.GetService(serviceType, serviceKey);
    }
}
