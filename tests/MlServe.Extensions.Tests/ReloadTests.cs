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
        Assert.Contains(
            "MlServing:Models:new:Pth is not a known key. Did you mean 'Path'?", error.Exception!.Message, StringComparison.Ordinal);
        Assert.Contains(_logs.GetSnapshot(), static log => log is { Level: LogLevel.Error, Exception: null }
            && log.Message.StartsWith("Model new could not be loaded: MlServing:Models:new:Pth is not", StringComparison.Ordinal));
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
    public async Task Reload_LoadedModelChanged_IsLoadedAnewAndSaysSo()
    {
        _test.WriteModel("double.onnx", weight: 2);
        using var host = await StartAsync();

        Reload(host, ("MlServing:Models:old:Path", "double.onnx"), ("MlServing:Models:old:Version", "2"));
        await WaitForAsync(4013);

        Assert.Equal(12, await host.Services.GetRequiredKeyedService<IPredictor>("old").SumAsync());
        Assert.Equal(
            "Model old is answered by version 2 in place of version 1",
            _logs.GetSnapshot().Single(static log => log.Id.Id == 4013).Message);
        Assert.Empty(Warnings());
    }

    /// <summary>Layers are made once around the name, and a chain is one of them.</summary>
    [Fact]
    public async Task Reload_LoadedModelIsGivenAChain_IsServedWithoutItAndSaysSo()
    {
        using var host = await StartAsync();

        Reload(host, ("MlServing:Models:old:Fallback:0:Value:y:0", "2"));
        await WaitForAsync(4013);

        Assert.Equal(
            "Model old has been given a fallback chain. It was started without one, and is served without it until the host is restarted",
            Assert.Single(Warnings()).Message);
    }

    [Fact]
    public async Task Reload_ModelRemoved_StaysAndSaysSo()
    {
        using var host = await StartAsync();
        var predictor = host.Services.GetRequiredKeyedService<IPredictor>("old");

        host.Services.GetRequiredService<Movable>().MoveModelsAway();

        Assert.Equal(6, await predictor.SumAsync());
        Assert.Equal(
            "Model old is no longer in the configuration. It is loaded and stays until the host is restarted",
            Assert.Single(Warnings()).Message);
    }

    [Fact]
    public async Task Reload_ModelAddedWithAValueInItsPlace_GivesTheTypeOfTheModelsOutput()
    {
        File.WriteAllBytes(
            Path.Combine(_test.Folder, "cast.onnx"),
            new OnnxModel().Input("x", OnnxModel.Float, "N", 3).Output("y", OnnxModel.Double, "N", 3)
            .Node("Cast", ["x"], ["y"], ("to", 11L)).ToBytes());
        using var host = await StartAsync();

        Reload(
            host, ("MlServing:Models:new:Path", "cast.onnx"), ("MlServing:Models:new:UseCircuitBreaker", "true"),
            ("MlServing:Models:new:Fallback:0:Value:y:0", "2.5"), ("MlServing:Models:new:Fallback:0:Value:y:1", "3.5"),
            ("MlServing:Models:new:Fallback:0:Value:y:2", "4.5"));
        var predictor = host.Services.GetRequiredKeyedService<IPredictor>("new");
        for (var wait = 0; wait < 3000 && predictor.GetService<ICircuitBreaker>() is null; wait++)
            await Task.Delay(10, Token);
        predictor.GetService<ICircuitBreaker>()!.Isolate();
        using var answer = await predictor.PredictAsync(PredictionInputs.Row(new float[3]), cancellationToken: Token);

        Assert.Equal([2.5, 3.5, 4.5], answer["y"].ToArray<double>());
    }

    [Fact]
    public async Task Reload_ChainsThatLeadInACircle_AreRefusedAndTheRestGoesOn()
    {
        using var host = await StartAsync();

        Reload(host,
            ("MlServing:Models:a:Path", "m.onnx"), ("MlServing:Models:a:Fallback:0:Model", "b"),
            ("MlServing:Models:b:Path", "m.onnx"), ("MlServing:Models:b:Fallback:0:Model", "A"),
            ("MlServing:Models:c:Path", "m.onnx"), ("MlServing:Models:c:Fallback:0:Model", "b"));
        var error = await host.Services.GetRequiredKeyedService<IPredictor>("a").ErrorAsync();
        var thrown = await Assert.ThrowsAnyAsync<Exception>(() => LoadAllAsync(host));

        Assert.Equal((PredictionErrorCode.NotLoaded, 0), (error.Code, error.FallbackErrors.Count));
        Assert.Contains("MlServing:Models:a:Fallback leads back to where it began: a -> b -> A.", thrown.Message, StringComparison.Ordinal);
        Assert.Contains("MlServing:Models:b:Fallback leads back to where it began: b -> A -> b.", thrown.Message, StringComparison.Ordinal);
        Assert.Contains(
            _logs.GetSnapshot(),
            static log => log.Id.Id == 4000 && log.Message.Contains("a -> b -> A", StringComparison.Ordinal));
        Assert.Equal(6, await host.Services.GetRequiredKeyedService<IPredictor>("old").SumAsync());
        Assert.Equal(6, await host.Services.GetRequiredKeyedService<IPredictor>("c").SumAsync());
    }

    [Fact]
    public async Task Reload_ChainThatNamesNobody_IsRefusedUntilItIsRight()
    {
        using var host = await StartAsync();

        Reload(host, ("MlServing:Models:new:Path", "none.onnx"), ("MlServing:Models:new:Fallback:0:Model", "oldd"));
        var thrown = await Assert.ThrowsAsync<OptionsValidationException>(() => LoadAllAsync(host));
        Assert.Equal("MlServing:Models:new:Fallback names model 'oldd', and there is none. Did you mean 'old'?", thrown.Message);

        // The file is missing still, and the chain answers.
        Reload(host, ("MlServing:Models:new:Fallback:0:Model", "old"));
        await Assert.ThrowsAsync<ModelLoadException>(() => LoadAllAsync(host));
        Assert.Equal(6, await host.Services.GetRequiredKeyedService<IPredictor>("new").SumAsync());
    }

    [Fact]
    public async Task Reload_CircleThatIsOpened_IsLoaded()
    {
        using var host = await StartAsync();

        Reload(host,
            ("MlServing:Models:a:Path", "m.onnx"), ("MlServing:Models:a:Fallback:0:Model", "b"),
            ("MlServing:Models:b:Path", "m.onnx"), ("MlServing:Models:b:Fallback:0:Model", "a"));
        await Assert.ThrowsAnyAsync<Exception>(() => LoadAllAsync(host));
        Reload(host, ("MlServing:Models:b:Fallback:0:Model", "old"));
        await LoadAllAsync(host);

        Assert.Equal(6, await host.Services.GetRequiredKeyedService<IPredictor>("a").SumAsync());
    }

    [Fact]
    public async Task Reload_TargetThatCannotStandIn_IsServedWithoutTheChainAndSaysSo()
    {
        File.WriteAllBytes(Path.Combine(_test.Folder, "other.onnx"), OnnxModel.Mlp(1, 4, 3));
        using var host = await StartAsync();

        Reload(host,
            ("MlServing:Models:new:Path", "m.onnx"), ("MlServing:Models:new:UseCircuitBreaker", "true"),
            ("MlServing:Models:new:Fallback:0:Model", "other"),
            ("MlServing:Models:other:Path", "other.onnx"));
        for (var wait = 0; wait < 3000 && !_logs.GetSnapshot().Any(static log => log.Id.Id == 4008); wait++)
            await Task.Delay(10, Token);

        var log = _logs.GetSnapshot().First(static log => log.Id.Id == 4008);
        Assert.Equal(LogLevel.Error, log.Level);
        Assert.StartsWith(
            "Model new was added by a reload and is served without its fallback chain until the host is restarted: 'other' cannot stand "
                + "in for model 'new'", log.Message, StringComparison.Ordinal);
        var predictor = host.Services.GetRequiredKeyedService<IPredictor>("new");
        Assert.Equal(6, await predictor.SumAsync());
        predictor.GetService<ICircuitBreaker>()!.Isolate();
        Assert.Empty((await predictor.ErrorAsync()).FallbackErrors);
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

    /// <summary>What a start would refuse is told by a reload in the same words, all of it in one entry, and once.</summary>
    [Theory]
    [InlineData("MlServing:Models:old:Pth", "x")]
    [InlineData("MlServing:Models:old:Onnx:IntraOpThreads", "5000")]
    [InlineData("MlServing:Models:old:Onnx:FreeDimensions:M", "4")]
    [InlineData("MlServing:Models:old:Onnx:BatchAxes:input:0", "0")]
    [InlineData("MlServing:Models:old:Cache:SizeLimit", "65536")]
    [InlineData("MlServing:Models:old:Path", "none.onnx")]
    [InlineData("MlServing:Models:old:Path", "torn.onnx")]
    [InlineData("MlServing:Models:old:Fallback:0:Model", "nobody")]
    [InlineData("MlServing:Models:old:Fallback:0:Model", "old")]
    [InlineData("MlServing:Models:old:Fallback:0:StaleAnswer", "true")]
    [InlineData("MlServing:Models:old:Fallback:0:Value:z:0", "1")]
    [InlineData("MlServing:Models:old:Quantization:Enabled", "true")]
    [InlineData("MlServing:Models:new:Version", "a/b")]
    [InlineData("MlServing:MaxConcurrentRuns", "0")]
    [InlineData("MlServing:DrainTimeout", "30")]
    [InlineData("MlServing:Modells:x", "1")]
    [InlineData(
        "MlServing:Models:old:Version", "a/b", "MlServing:Runtime:SharedThreadPoolThreads", "9999", "MlServing:Models:old:Verzion", "1")]
    public async Task Reload_WhatTheNextStartRefuses_IsToldInItsWords(params string[] changes)
    {
        _test.WriteModel("m.onnx");
        File.WriteAllBytes(Path.Combine(_test.Folder, "torn.onnx"), TinyOnnx.WeightedSum()[..40]);
        var pairs = changes.Chunk(2).Select(static pair => (pair[0], (string?)pair[1])).ToArray();
        using var host = await StartAsync();

        Reload(host, pairs);
        Reload(host);
        await WaitForAsync(4012);

        var told = Assert.Single(_logs.GetSnapshot(), static log => log.Id.Id == 4012).StructuredState!.Single(static pair =>
            pair.Key == "Problems").Value!.Split(Environment.NewLine);
        var thrown = await Assert.ThrowsAnyAsync<Exception>(() => StartAsync(pairs));
        Assert.Equal(thrown is OptionsValidationException refused ? refused.Failures : thrown.Message.Split(Environment.NewLine), told);
        Assert.Equal(6, await host.Services.GetRequiredKeyedService<IPredictor>("old").SumAsync());
    }

    [Fact]
    public async Task Reload_WhatTheNextStartTakes_IsNotTold()
    {
        using var host = await StartAsync();

        Reload(
            host, ("MlServing:Models:old:Version", "2"), ("MlServing:Models:old:UseCache", "true"),
            ("MlServing:Models:old:Fallback:0:StaleAnswer", "true"));
        Reload(host, ("MlServing:MaxConcurrentRuns", "0"));
        await WaitForAsync(4012);

        Assert.EndsWith("The models stay as they are. MlServing:MaxConcurrentRuns is 0; it must be 1 to 1024.",
            Assert.Single(_logs.GetSnapshot(), static log => log.Id.Id == 4012).Message, StringComparison.Ordinal);
    }

    /// <summary>A file that is read while it is being written, or is no JSON, gives nothing at all.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Reload_HalfWrittenFile_KeepsTheNames(bool ignoresErrors)
    {
        const string settings = """
            { "MlServing": { "Models": {
              "one": { "Path": "m.onnx" }, "two": { "Path": "m.onnx" }, "lost": { "Path": "none.onnx", "Required": false }
            } } }
            """;
        using var host = _test.Build(
            (builder, configuration) =>
            {
                var file = configuration.Sources.OfType<Microsoft.Extensions.Configuration.Json.JsonConfigurationSource>().Single();
                file.OnLoadException = error => error.Ignore = ignoresErrors;
                builder.Services.AddMlServing();
            }, settings);
        await host.StartAsync(Token);
        var provider = host.Services.GetRequiredService<IPredictorProvider>();
        var configuration = (IConfigurationRoot)host.Services.GetRequiredService<IConfiguration>();

        File.WriteAllText(Path.Combine(_test.Folder, "appsettings.json"), settings[..^20]);
        if (ignoresErrors) configuration.Reload();
        else Assert.Throws<InvalidDataException>(configuration.Reload);

        Assert.Equal(["lost", "one", "two"], provider.Names.Order());
        Assert.Equal(6, await provider.GetPredictor("two").SumAsync());
        await host.StopAsync(Token);
    }

    private async Task WaitForAsync(int log)
    {
        for (var wait = 0; wait < 3000 && !_logs.GetSnapshot().Any(entry => entry.Id.Id == log); wait++)
            await Task.Delay(10, Token);
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

    private async Task<IHost> StartAsync(params (string Key, string? Value)[] changes)
    {
        var host = _test.Build((builder, configuration) =>
        {
            Dictionary<string, string?> values = new() { ["MlServing:Models:old:Path"] = "m.onnx" };
            foreach (var (key, value) in changes)
                values[key] = value;
            var movable = new Movable(values);
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
