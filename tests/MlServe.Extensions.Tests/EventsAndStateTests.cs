using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MlServe.Resilience;
using MlServe.Storage;
using Xunit;

namespace MlServe;

/// <summary>What a host tells of its models, and where it keeps state.</summary>
public sealed class EventsAndStateTests : IDisposable
{
    private readonly TestHost _test = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _test.Dispose();

    [Fact]
    public async Task Events_LifeOfTwoModels_AreToldInOrder()
    {
        using var host = _test.Build(static services => services.AddMlServing()
            .AddModel("good", static model => model.FromFile("m.onnx").WithVersion("3").UseStandardPipeline())
            .AddModel("bad", static model => model.FromFile("missing.onnx").AsOptional()));
        var events = host.Services.GetRequiredService<IModelEvents>();
        Assert.Same(events, host.Services.GetRequiredService<ModelEvents>());
        await host.StartAsync(Token);
        host.Services.GetRequiredService<IPredictorProvider>().GetPredictor("good").GetService<ICircuitBreaker>()!.Isolate();
        await host.StopAsync(Token);
        await ((IAsyncDisposable)host).DisposeAsync();

        var good = events.Recent().Where(static told => told.Model == "good").ToList();
        Assert.Equal([typeof(ModelLoaded), typeof(CircuitChanged), typeof(ModelDraining), typeof(ModelClosed)], good.Select(static told =>
            told.GetType()));
        Assert.All(good, static told => Assert.Equal(("good", "3", 64), (told.Version!.Name, told.Version.Version,
            told.Version.Digest.Length)));
        Assert.IsType<ModelLoadException>(events.Recent().OfType<ModelLoadFailed>().First(static told => told.Model == "bad").Exception);
    }

    [Fact]
    public async Task Events_ListenerBlocks_HostStartsAnswersAndStops()
    {
        using var never = new ManualResetEventSlim();
        using var host = _test.Build(static services => services.AddMlServing().AddModel("m", static model => model.FromFile("m.onnx")));
        using var blocked = host.Services.GetRequiredService<IModelEvents>().Subscribe(_ => never.Wait(TimeSpan.FromMinutes(1)));
        using var throwing = host.Services.GetRequiredService<IModelEvents>().Subscribe(static _ => throw new FormatException());
        await host.StartAsync(Token);
        Assert.Equal(6, await host.Services.GetRequiredService<IPredictor>().SumAsync());
        await host.StopAsync(Token);
        never.Set();
    }

    [Fact]
    public async Task StateFolder_Named_KeepsStateForTheNextHost()
    {
        static void AddMlServing(IServiceCollection services) => services.AddMlServing().UseStateFolder("state", "keys/state.key");
        using (var first = _test.Build(AddMlServing))
            await first.Services.GetRequiredService<IStateStore>().WriteAsync("rollout.m", new byte[] { 1, 2 }, Token);
        using var second = _test.Build(AddMlServing);
        var store = Assert.IsType<FileStateStore>(second.Services.GetRequiredService<IStateStore>());

        Assert.Equal([1, 2], (await store.ReadAsync("rollout.m", Token))!.Value.ToArray());
        Assert.Equal(Path.Combine(_test.Folder, "state"), store.Folder);
        Assert.True(File.Exists(Path.Combine(_test.Folder, "keys", "state.key")));
    }

    [Fact]
    public async Task StateFolder_NotNamed_ThereIsNoStoreAndNothingIsWritten()
    {
        using var host = await _test.StartAsync(static services => services.AddMlServing().AddModel("m", static model =>
            model.FromFile("m.onnx")));
        Assert.Null(host.Services.GetService<IStateStore>());
        Assert.Equal(["appsettings.json", "m.onnx"],
            Directory.GetFileSystemEntries(_test.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }
}
