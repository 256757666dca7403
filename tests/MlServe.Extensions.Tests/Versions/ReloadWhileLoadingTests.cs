using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using MlServe.Onnx;
using Xunit;

namespace MlServe;

/// <summary>Reloads that are asked for while the first load of the model runs, or after it has failed.</summary>
public sealed class ReloadWhileLoadingTests : IAsyncDisposable
{
    private const int Calls = 50;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private readonly Source _source = new();
    private readonly ServiceProvider _services;

    public ReloadWhileLoadingTests()
    {
        var services = new ServiceCollection();
        services.AddMlServing().AddModel("m", model => model.FromSource(_source));
        _services = services.BuildServiceProvider();
    }

    private IModelVersions Versions => _services.GetRequiredKeyedService<IModelVersions>("m");

    public ValueTask DisposeAsync()
    {
        _source.Open();
        return _services.DisposeAsync();
    }

    [Fact]
    public async Task ReloadAsync_FirstLoadSucceeds_OneMoreLoadForAllIsOfWhatIsSaidNow()
    {
        var (first, reloads) = await AskAsync();

        _source.Weight = 2;
        _source.Open();

        // The first read has begun with what was said then. One who asks when the next has begun is given one more.
        var versions = (await Task.WhenAll(reloads)).Distinct().ToList();
        Assert.DoesNotContain(await first, versions);
        Assert.Contains(Versions.Live, versions);
        Assert.Equal(_source.Reads, versions.Count + 1);
        Assert.InRange(_source.Reads, 2, 3);
        Assert.Equal(12, await _services.GetRequiredKeyedService<IPredictor>("m").SumAsync());
    }

    [Fact]
    public async Task ReloadAsync_FirstLoadFails_TheModelIsLoadedOnceMoreForAllWhoCameMeanwhile()
    {
        _source.IsBad = true;
        var (first, reloads) = await AskAsync();

        _source.IsBad = false;
        _source.Open();

        await Assert.ThrowsAsync<ModelLoadException>(() => first);
        foreach (var reload in reloads)
            Assert.Equal(ModelVersionState.Closed == (await reload).State, !ReferenceEquals(Versions.Live, await reload));
        Assert.InRange(_source.Reads, 2, 3);
        Assert.Equal(6, await _services.GetRequiredKeyedService<IPredictor>("m").SumAsync());
    }

    [Fact]
    public async Task ReloadAsync_FirstLoadAndTheNextFail_AllAreToldWhy()
    {
        _source.IsBad = true;
        var (_, reloads) = await AskAsync();

        _source.Open();

        foreach (var reload in reloads)
            Assert.Contains("it is bad", (await Assert.ThrowsAsync<ModelLoadException>(() => reload)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ReloadAsync_HostEndsMeanwhile_IsToldSo()
    {
        var (first, reloads) = await AskAsync();

        await _services.DisposeAsync();

        foreach (var reload in reloads.Append(first))
            await Assert.ThrowsAsync<ObjectDisposedException>(() => reload.WaitAsync(Patience, Token));
    }

    [Fact]
    public async Task ReloadAsync_Cancelled_LeavesTheFirstLoadAndTheOthersAlone()
    {
        var (first, reloads) = await AskAsync();
        using var cancelled = new CancellationTokenSource();
        var one = Versions.ReloadAsync(cancelled.Token);

        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one);
        _source.Open();

        await first;
        var versions = await Task.WhenAll(reloads);
        Assert.Contains(Versions.Live, versions);
    }

    /// <summary>Without a host nobody watches configuration; a reload reads it all the same.</summary>
    [Fact]
    public async Task ReloadAsync_LoadHadFailedAndConfigurationIsMended_LoadsWhatItSaysNow()
    {
        using var test = new TestHost();
        var configuration = new ConfigurationManager();
        configuration["MlServing:Models:m:Path"] = Path.Combine(test.Folder, "none.onnx");
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(configuration).AddMlServing();
        await using var provider = services.BuildServiceProvider();
        var versions = provider.GetRequiredKeyedService<IModelVersions>("m");
        await Assert.ThrowsAsync<ModelLoadException>(() => versions.ReloadAsync(Token));

        configuration["MlServing:Models:m:Path"] = Path.Combine(test.Folder, "m.onnx");
        await versions.ReloadAsync(Token);

        Assert.Equal(6, await provider.GetRequiredKeyedService<IPredictor>("m").SumAsync());
    }

    /// <summary>Begins the first load, and asks for reloads while it runs.</summary>
    private async Task<(Task<ModelVersion> First, List<Task<ModelVersion>> Reloads)> AskAsync()
    {
        var first = Versions.ReloadAsync(Token);
        await _source.Entered.WaitAsync(Patience, Token);
        return (first, [.. Enumerable.Range(0, Calls).Select(_ => Versions.ReloadAsync(Token))]);
    }

    /// <summary>A source whose reads wait, and give what was said when they began.</summary>
    private sealed class Source : IModelSource
    {
        private readonly TaskCompletionSource _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _reads;

        public Task Entered => _entered.Task;

        public int Reads => Volatile.Read(ref _reads);

        public float Weight { get; set; } = 1;

        public bool IsBad { get; set; }

        public void Open() => _gate.TrySetResult();

        public async ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref _reads);
            var (weight, isBad) = (Weight, IsBad);
            _entered.TrySetResult();
            await _gate.Task.WaitAsync(cancellationToken);
            return isBad ? throw new InvalidOperationException("it is bad") : new(TinyOnnx.WeightedSum(weight, 0), "a source");
        }
    }
}
