using System.Diagnostics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using MlServe.Fakes;
using MlServe.Onnx;
using MlServe.TestModels;
using Xunit;

namespace MlServe;

/// <summary>
/// Every load ends, whatever is loaded and however: what asks for too much, what never ends, what lies at the path and is no file, sources
/// that never give. Each beside a good model, which is not to suffer.
/// </summary>
public sealed class EveryLoadEndsTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private readonly TestHost _test = new();
    private readonly ManualResetEventSlim _end = new();

    public static TheoryData<string> Kinds() =>
        [.. HostileModels.Bounded.Keys.Where(static (_, i) => i % 8 == 0), "endless loop", "pipe", "device", "folder", "source that waits",
            "source that blocks"];

    public void Dispose()
    {
        _end.Set();
        _end.Dispose();
        _test.Dispose();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Direct(string kind)
    {
        var failed = await Assert.ThrowsAsync<ModelLoadException>(async () =>
            await OnnxPredictor.LoadAsync(SourceOf(kind), Options(new()), new() { TimeProvider = new FastTime() }, Token)
                .AsTask()
                .WaitAsync(Patience, Token));
        Assert.NotEmpty(failed.Message);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Direct_CancelledInTheMiddle(string kind)
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(30));
        var thrown = await Record.ExceptionAsync(async () =>
            await OnnxPredictor.LoadAsync(SourceOf(kind), new() { WarmUpRuns = 1 }, new() { TimeProvider = new FastTime() }, stop.Token)
                .AsTask()
                .WaitAsync(Patience, Token));
        Assert.True(thrown is OperationCanceledException or ModelLoadException, thrown?.ToString());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task HostStart(string kind)
    {
        using var host = Build(kind);
        await Assert.ThrowsAsync<ModelLoadException>(() => host.StartAsync(Token).WaitAsync(Patience, Token));
        Assert.Equal(6, await host.Services.GetRequiredKeyedService<IPredictor>("good").SumAsync());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task HostStart_CancelledInTheMiddle(string kind)
    {
        using var host = Build(kind, TimeSpan.FromHours(1));
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        var thrown = await Record.ExceptionAsync(() => host.StartAsync(stop.Token).WaitAsync(Patience, Token));
        Assert.True(thrown is OperationCanceledException or ModelLoadException, thrown?.ToString());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task HostStart_DisposedInTheMiddle(string kind)
    {
        var host = Build(kind, TimeSpan.FromHours(1));
        var starting = host.StartAsync(Token);
        await Task.WhenAny(starting, Task.Delay(50, Token));
        host.Dispose();
        var thrown = await Record.ExceptionAsync(() => starting.WaitAsync(Patience, Token));
        Assert.True(thrown is OperationCanceledException or ModelLoadException or ObjectDisposedException, thrown?.ToString());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task HostStart_ManyAtOnce_KeepNoGoodModelFromLoading(string kind)
    {
        // More than may load at once, before the good one.
        using var host = Build(kind, count: 6);
        await Assert.ThrowsAsync<ModelLoadException>(() => host.StartAsync(Token).WaitAsync(Patience, Token));
        Assert.Equal(6, await host.Services.GetRequiredKeyedService<IPredictor>("good").SumAsync());
    }

    [Theory]
    [InlineData("pipe")]
    [InlineData("device")]
    [InlineData("endless loop")]
    [InlineData("loop of many trips")]
    public async Task Reload(string kind)
    {
        using var host = _test.Build(static services => services.AddSingleton<TimeProvider>(new FastTime())
            .AddMlServing()
            .AddModel("good", static model => model.FromFile("m.onnx")));
        await host.StartAsync(Token);
        var configuration = host.Services.GetRequiredService<IConfiguration>();
        configuration["MlServing:Models:bad:Path"] = await PathOfAsync(kind);
        configuration["MlServing:Models:bad:Onnx:LoadTimeout"] = "00:00:04";
        ((IConfigurationRoot)configuration).Reload();
        configuration["MlServing:Models:bad:Path"] = await PathOfAsync(kind);
        var provider = host.Services.GetRequiredService<IPredictorProvider>();

        await Assert.ThrowsAnyAsync<Exception>(() => provider.LoadAsync(Token).WaitAsync(Patience, Token));
        Assert.Equal(6, await provider.GetPredictor("good").SumAsync());
        await host.StopAsync(Token).WaitAsync(Patience, Token);
    }

    [Fact]
    public async Task Stop_WhileAModelLoads_Ends()
    {
        using var host = Build("endless loop", TimeSpan.FromHours(1));
        var starting = host.StartAsync(Token);
        await Task.WhenAny(starting, Task.Delay(200, Token));
        await host.StopAsync(Token).WaitAsync(Patience, Token);
        await Record.ExceptionAsync(() => starting.WaitAsync(Patience, Token));
        Assert.True(starting.IsCompleted);
    }

    private IHost Build(string kind, TimeSpan? timeout = null, int count = 1) => _test.Build(services =>
    {
        services.AddSingleton<TimeProvider>(new FastTime());
        var builder = services.AddMlServing(static options => options.MaxConcurrentRuns = 2);
        for (var i = 0; i < count; i++)
            builder.AddModel($"bad{i}", model => model.FromSource(_ => SourceOf(kind)).ConfigureOnnx(onnx => Options(onnx, timeout)));
        builder.AddModel("good", static model => model.FromFile("m.onnx"));
    });

    private static OnnxModelOptions Options(OnnxModelOptions onnx, TimeSpan? timeout = null)
    {
        onnx.LoadTimeout = timeout ?? TimeSpan.FromSeconds(4);
        onnx.WarmUpRuns = 1;
        return onnx;
    }

    private IModelSource SourceOf(string kind) => kind switch
    {
        "source that waits" => new StuckSource(null),
        "source that blocks" => new StuckSource(_end),
        _ => ModelSource.FromFile(PathOfAsync(kind).GetAwaiter().GetResult()),
    };

    private async Task<string> PathOfAsync(string kind)
    {
        var path = Path.Combine(_test.Folder, $"{Guid.NewGuid():N}");
        switch (kind)
        {
            case "pipe" when OperatingSystem.IsWindows():
            case "device" when OperatingSystem.IsWindows():
                Assert.Skip("There are no such files on Windows.");
                break;
            case "pipe":
                using (var make = Process.Start("mkfifo", [path]))
                    await make.WaitForExitAsync(Token);
                break;
            case "device":
                return "/dev/zero";
            case "folder":
                Directory.CreateDirectory(path);
                break;
            case "endless loop":
                File.WriteAllBytes(path, HostileModels.EndlessLoop());
                break;
            default:
                File.WriteAllBytes(path, HostileModels.Bounded[kind]);
                break;
        }

        return path;
    }

    private sealed class StuckSource(ManualResetEventSlim? end) : IModelSource
    {
        public async ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default)
        {
            if (end is null) await new TaskCompletionSource().Task;
            else end.Wait(CancellationToken.None);
            return null!;
        }
    }
}
