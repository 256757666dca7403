using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace MlServe;

public sealed class HealthCheckTests : IDisposable
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private readonly TestHost _test = new();

    public void Dispose() => _test.Dispose();

    [Fact]
    public async Task CheckHealth_BeforeWhileAndAfter_SaysWhereEachModelStands()
    {
        using var host = Build();

        var before = await CheckAsync(host);
        await host.StartAsync(Token);
        var running = await CheckAsync(host);
        await host.StopAsync(Token);
        var after = await CheckAsync(host);

        Assert.Equal(
            (HealthStatus.Unhealthy, "Not all models are loaded: 'one' is NotLoaded, 'two' is NotLoaded."),
            (before.Status, before.Description));
        Assert.Equal((HealthStatus.Healthy, "All models are loaded."), (running.Status, running.Description));
        Assert.Equal("Ready", running.Data["one"]);
        Assert.Equal((HealthStatus.Unhealthy, "The host is stopping."), (after.Status, after.Description));
        Assert.Equal("Closed", after.Data["two"]);
    }

    [Fact]
    public async Task CheckHealth_OtherServicesStop_IsUnhealthyWhileModelsStillAnswer()
    {
        var probe = new StopProbe();
        using var host = Build(services => services.AddHostedService(provider => probe.Watch(() => CheckAsync(provider))));
        await host.StartAsync(Token);

        await host.StopAsync(Token);

        Assert.Equal((HealthStatus.Unhealthy, "Ready"), (probe.Entry.Status, probe.Entry.Data["one"]));
    }

    [Fact]
    public async Task CheckHealth_AsSoonAsTheHostIsAskedToStop_IsUnhealthy()
    {
        using var host = Build();
        await host.StartAsync(Token);
        // Before any service, however late it was registered, has been told to stop.
        host.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();

        var after = await CheckAsync(host);
        Assert.Equal((HealthStatus.Unhealthy, "Ready"), (after.Status, after.Data["one"]));
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task CheckHealth_ModelOfAReloadFails_IsDegradedWithTheFailure()
    {
        using var host = Build();
        await host.StartAsync(Token);

        host.Services.GetRequiredService<IConfiguration>()["MlServing:Models:three:Path"] = "none.onnx";
        await Assert.ThrowsAsync<ModelLoadException>(() => host.Services.GetRequiredService<IPredictorProvider>().LoadAsync(Token));
        var entry = await CheckAsync(host);

        Assert.Equal((HealthStatus.Degraded, "Not all models are loaded: 'three' is Failed."), (entry.Status, entry.Description));
        Assert.Equal(("Ready", "Failed"), (entry.Data["one"], entry.Data["three"]));
        Assert.Equal(ModelLoadFailure.NotFound, Assert.IsType<ModelLoadException>(entry.Exception).Failure);
    }

    [Fact]
    public async Task AddMlServing_NameTagsAndFailureStatus_AreTheChecks()
    {
        using var host = _test.Build(static services =>
        {
            services.AddMlServing().AddModel("one", static model => model.FromFile("m.onnx"));
            services.AddHealthChecks().AddMlServing("models", HealthStatus.Degraded, ["ready"]);
        });

        var report = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Token);

        Assert.Equal(HealthStatus.Degraded, report.Entries["models"].Status);
        Assert.Equal(["ready"], report.Entries["models"].Tags);
    }

    private static Task<HealthReportEntry> CheckAsync(IHost host) => CheckAsync(host.Services);

    private static async Task<HealthReportEntry> CheckAsync(IServiceProvider services) =>
        (await services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Token)).Entries["mlserving"];

    private IHost Build(Action<IServiceCollection>? addMore = null) => _test.Build(services =>
    {
        addMore?.Invoke(services);
        services.AddMlServing()
            .AddModel("one", static model => model.FromFile("m.onnx"))
            .AddModel("two", static model => model.FromFile("m.onnx"));
        services.AddHealthChecks().AddMlServing();
    });

    private sealed class StopProbe : IHostedService
    {
        private Func<Task<HealthReportEntry>>? _check;

        public HealthReportEntry Entry { get; private set; }

        public StopProbe Watch(Func<Task<HealthReportEntry>> check)
        {
            _check = check;
            return this;
        }

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public async Task StopAsync(CancellationToken cancellationToken) => Entry = await _check!();
    }
}
