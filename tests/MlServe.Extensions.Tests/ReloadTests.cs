using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;
using MlServe.Resilience;
using MlServe.TestModels;
using Xunit;

namespace MlServe;

public sealed class ReloadTests : IDisposable
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private readonly TestHost _test = new();
    private readonly FakeLogCollector _logs = new();

    public void Dispose() => _test.Dispose();

    [Fact]
    public async Task Reload_ModelAdded_IsLoadedAndFound()
    {
        _test.WriteModel("double.onnx", weight: 2);
        using var host = await StartAsync();
        var models = host.Services.GetRequiredService<IOptionsMonitor<ModelOptions>>();
        Assert.Throws<OptionsValidationException>(() => models.Get("new"));

        Reload(host, ("MlServing:Models:new:Path", "double.onnx"));
        await LoadAllAsync(host);

        Assert.Equal(["old", "new"], host.Services.GetRequiredService<IPredictorProvider>().Names.OrderDescending());
        Assert.Equal(12, await host.Services.GetRequiredKeyedService<IPredictor>("new").SumAsync());
        Assert.Equal(Path.Combine(_test.Folder, "double.onnx"), models.Get("new").Path);
        Assert.Empty(Warnings());
    }

    [Fact]
    public async Task Reload_ModelAddedAskedForBeforeTheReloadIsSeen_IsLoadedToo()
    {
        using var host = await StartAsync();

        host.Services.GetRequiredService<IConfiguration>()["MlServing:Models:new:Path"] = "m.onnx";
        var predictor = host.Services.GetRequiredKeyedService<IPredictor>("new");
        await LoadAllAsync(host);

        Assert.Equal(6, await predictor.SumAsync());
    }

    [Fact]
    public async Task Reload_ModelAddedThatIsWrong_IsNotReadyAndSaysWhy()
    {
        using var host = await StartAsync();

        Reload(host, ("MlServing:Models:new:Pth", "m.onnx"));
        var predictor = host.Services.GetRequiredKeyedService<IPredictor>("new");
        await Assert.ThrowsAsync<OptionsValidationException>(() => LoadAllAsync(host));
        var error = await predictor.ErrorAsync();

        Assert.Equal((PredictionStatus.NotReady, PredictionErrorCode.NotLoaded), (error.Status, error.Code));
        Assert.Equal("Model 'new' is not loaded: its load failed, and the log says why.", error.Message);
        Assert.Contains("MlServing:Models:new:Pth is not a known key. Did you mean 'Path'?", error.Exception!.Message, StringComparison.Ordinal);
        Assert.Contains(_logs.GetSnapshot(), static log => log is { Level: LogLevel.Error, Message: "Model new could not be loaded" });
        Assert.Equal(6, await host.Services.GetRequiredKeyedService<IPredictor>("old").SumAsync());
    }

    [Fact]
    public async Task Reload_ModelAddedThatWasWrong_IsLoadedOnceItIsRight()
    {
        using var host = await StartAsync();

        Reload(host, ("MlServing:Models:new:Version", "a/b"), ("MlServing:Models:new:Path", "m.onnx"));
        await Assert.ThrowsAsync<OptionsValidationException>(() => LoadAllAsync(host));
        Reload(host, ("MlServing:Models:new:Version", "2"));
        await LoadAllAsync(host);

        Assert.Equal("2", host.Services.GetRequiredKeyedService<IPredictor>("new").GetService<ModelIdentity>()!.Version);
    }

    [Fact]
    public async Task Reload_ModelThatFailedToLoad_IsTriedAgain()
    {
        using var host = await StartAsync();

        Reload(host, ("MlServing:Models:new:Path", "late.onnx"));
        await Assert.ThrowsAsync<ModelLoadException>(() => LoadAllAsync(host));
        _test.WriteModel("late.onnx");
        Reload(host);
        await LoadAllAsync(host);

        Assert.Equal(6, await host.Services.GetRequiredKeyedService<IPredictor>("new").SumAsync());
    }

    [Fact]
    public async Task Reload_LoadedModelChanged_StaysAsItIsAndSaysSo()
    {
        _test.WriteModel("double.onnx", weight: 2);
        using var host = await StartAsync();

        Reload(host, ("MlServing:Models:old:Path", "double.onnx"));
        await LoadAllAsync(host);

        Assert.Equal(6, await host.Services.GetRequiredKeyedService<IPredictor>("old").SumAsync());
        Assert.Equal(
            "The configuration of model old has changed. It is loaded and stays as it is until the host is restarted", Assert.Single(Warnings()).Message);
    }

    [Fact]
    public async Task Reload_ModelRemoved_StaysAndSaysSo()
    {
        using var host = await StartAsync();
        var predictor = host.Services.GetRequiredKeyedService<IPredictor>("old");

        host.Services.GetRequiredService<Movable>().MoveModelsAway();

        Assert.Equal(6, await predictor.SumAsync());
        Assert.Equal(
            "Model old is no longer in the configuration. It is loaded and stays until the host is restarted", Assert.Single(Warnings()).Message);
    }

    [Fact]
    public async Task Reload_ModelAddedWithAValueInItsPlace_GivesTheTypeOfTheModelsOutput()
    {
        File.WriteAllBytes(Path.Combine(_test.Folder, "cast.onnx"), new OnnxModel().Input("x", OnnxModel.Float, "N", 3).Output("y", OnnxModel.Double, "N", 3)
            .Node("Cast", ["x"], ["y"], ("to", 11L)).ToBytes());
        using var host = await StartAsync();

        Reload(host, ("MlServing:Models:new:Path", "cast.onnx"), ("MlServing:Models:new:UseCircuitBreaker", "true"), ("MlServing:Models:new:Fallback:0:Value:y:0", "2.5"));
        var predictor = host.Services.GetRequiredKeyedService<IPredictor>("new");
        for (var wait = 0; wait < 3000 && predictor.GetService<ICircuitBreaker>() is null; wait++)
            await Task.Delay(10, Token);
        predictor.GetService<ICircuitBreaker>()!.Isolate();
        using var answer = await predictor.PredictAsync(PredictionInputs.Row(new float[3]), cancellationToken: Token);

        Assert.Equal(2.5, answer["y"].ToScalar<double>());
    }

    [Fact]
    public async Task Reload_HostStopped_LoadsNothing()
    {
        using var host = await StartAsync();
        await host.StopAsync(Token);

        Reload(host, ("MlServing:Models:new:Path", "m.onnx"));
        var error = await host.Services.GetRequiredKeyedService<IPredictor>("new").ErrorAsync();

        Assert.Equal(PredictionErrorCode.NotLoaded, error.Code);
    }

    private static void Reload(IHost host, params (string Key, string? Value)[] changes)
    {
        var configuration = (IConfigurationRoot)host.Services.GetRequiredService<IConfiguration>();
        foreach (var (key, value) in changes)
            configuration[key] = value;
        configuration.Reload();
    }

    private static Task LoadAllAsync(IHost host) => host.Services.GetRequiredService<IPredictorProvider>().LoadAsync(Token);

    private List<FakeLogRecord> Warnings() => [.. _logs.GetSnapshot().Where(static log => log.Level == LogLevel.Warning)];

    private async Task<IHost> StartAsync()
    {
        var host = _test.Build((builder, configuration) =>
        {
            var movable = new Movable(new() { ["MlServing:Models:old:Path"] = "m.onnx" });
            configuration.Add(movable);
            builder.Services.AddSingleton(movable);
            builder.Services.AddSingleton<ILoggerProvider>(new FakeLoggerProvider(_logs));
            builder.Services.AddMlServing();
        });
        await host.StartAsync(Token);
        return host;
    }

    /// <summary>Values in memory that can go away.</summary>
    private sealed class Movable(Dictionary<string, string?> values) : ConfigurationProvider, IConfigurationSource
    {
        public IConfigurationProvider Build(IConfigurationBuilder builder)
        {
            Data = values;
            return this;
        }

        public void MoveModelsAway()
        {
            Data = new Dictionary<string, string?>();
            OnReload();
        }
    }
}
