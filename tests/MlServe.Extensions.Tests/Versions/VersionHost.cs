using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Xunit;

namespace MlServe;

/// <summary>A host with the model "m", whose answer to 1, 2, 3 is 6 times its weight, and what tests of its versions need.</summary>
internal sealed class VersionHost : IDisposable
{
    private readonly TestHost _test = new();
    private IHost? _host;

    public FakeLogCollector Logs { get; } = new();

    public IServiceProvider Services => _host!.Services;

    public IHost Host => _host!;

    public IPredictor Predictor => Services.GetRequiredKeyedService<IPredictor>("m");

    public IModelVersions Versions => Services.GetRequiredKeyedService<IModelVersions>("m");

    public IReadOnlyList<ModelEvent> Events => Services.GetRequiredService<IModelEvents>().Recent();

    public string Folder => _test.Folder;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public string Write(string file, float weight) => _test.WriteModel(file, weight);

    /// <summary>Starts the host; the model is <c>m.onnx</c> of weight 1.</summary>
    public async Task StartAsync(
        Action<ModelBuilder>? configure = null, Action<IServiceCollection>? services = null, params (string Key, string? Value)[] settings)
    {
        _host = _test.Build((builder, configuration) =>
        {
            Dictionary<string, string?> values = new() { ["MlServing:Models:m:Path"] = "m.onnx" };
            foreach (var (key, value) in settings)
                values[key] = value;
            configuration.AddInMemoryCollection(values);
            builder.Services.AddSingleton<ILoggerProvider>(new FakeLoggerProvider(Logs));
            services?.Invoke(builder.Services);
            builder.Services.AddMlServing().AddModel("m", model => configure?.Invoke(model));
        });
        await _host.StartAsync(Token);
    }

    /// <summary>Changes configuration and reloads it.</summary>
    public void Set(params (string Key, string? Value)[] changes)
    {
        var configuration = (IConfigurationRoot)Services.GetRequiredService<IConfiguration>();
        foreach (var (key, value) in changes)
            configuration[$"MlServing:Models:{key}"] = value;
        configuration.Reload();
    }

    public Task WaitForLogAsync(int id) => WaitAsync(() => Logs.GetSnapshot().Any(log => log.Id.Id == id), $"the log entry {id}");

    /// <summary>Waits for something that happens elsewhere.</summary>
    public static async Task WaitAsync(Func<bool> condition, string what)
    {
        for (var wait = 0; wait < 6000 && !condition(); wait++)
            await Task.Delay(10, Token);
        Assert.True(condition(), $"Waited for {what} in vain.");
    }

    public void Dispose()
    {
        _host?.Dispose();
        _test.Dispose();
    }
}
