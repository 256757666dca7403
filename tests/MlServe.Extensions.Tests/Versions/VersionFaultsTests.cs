using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MlServe.Onnx;
using Xunit;

namespace MlServe;

/// <summary>What the application's code does while versions change: it waits for us, blocks, gives up, or stops the host.</summary>
public sealed class VersionFaultsTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private readonly VersionHost _test = new();

    public void Dispose() => _test.Dispose();

    /// <summary>The check holds the turn that the call waits for.</summary>
    [Theory]
    [InlineData("reload")]
    [InlineData("load")]
    [InlineData("publish")]
    [InlineData("unload")]
    public async Task Check_ChangesTheVersionsItself_IsRefusedAndTheNextReloadGoesThrough(string what)
    {
        var isBad = true;
        await _test.StartAsync(null, services => services.AddSingleton<IModelVersionCheck>(new Check(async (version, _, _) =>
        {
            var versions = _test.Versions;
            Func<Task> change = what switch
            {
                "reload" => () => versions.ReloadAsync(Token),
                "load" => () => versions.LoadAsync(cancellationToken: Token),
                "publish" => () => versions.PublishAsync(version, cancellationToken: Token),
                _ => () => versions.UnloadAsync(version, Token),
            };
            if (isBad) await change();
        })));
        var live = _test.Versions.Live;

        var thrown = await Assert.ThrowsAsync<ModelLoadException>(() => _test.Versions.ReloadAsync(Token).WaitAsync(Patience, Token));
        Assert.Contains("cannot change the versions of that model", thrown.Message, StringComparison.Ordinal);
        Assert.IsType<InvalidOperationException>(thrown.InnerException!.InnerException ?? thrown.InnerException);
        Assert.Same(live, Assert.Single(_test.Versions.All));

        isBad = false;
        await _test.Versions.ReloadAsync(Token).WaitAsync(Patience, Token);
        Assert.NotSame(live, _test.Versions.Live);
    }

    /// <summary>A check that heeds no token holds the turn; those who wait for it are told that the host has stopped.</summary>
    [Fact]
    public async Task PublishAndUnload_WaitForACheckThatDoesNotEnd_EndWithTheHost()
    {
        var (entered, gate, isHeld) = (new TaskCompletionSource(), new TaskCompletionSource(), false);
        await _test.StartAsync(
            null, services => services.AddSingleton<IModelVersionCheck>(new Check((_, _, _) =>
            {
                if (!isHeld) return Task.CompletedTask;
                entered.TrySetResult();
                return gate.Task;
            })),
            ("MlServing:DrainTimeout", "00:00:00.1"));
        var beside = await _test.Versions.LoadAsync(cancellationToken: Token);
        isHeld = true;
        try
        {
            var reload = _test.Versions.ReloadAsync(Token);
            await entered.Task.WaitAsync(Patience, Token);
            var (publish, unload) =
                (_test.Versions.PublishAsync(beside, cancellationToken: Token), _test.Versions.UnloadAsync(beside, Token));

            await _test.Host.StopAsync(Token);

            await Assert.ThrowsAsync<ObjectDisposedException>(() => publish.WaitAsync(Patience, Token));
            await Assert.ThrowsAsync<ObjectDisposedException>(() => unload.WaitAsync(Patience, Token));
            Assert.False(reload.IsCompleted);
        }
        finally
        {
            gate.SetResult();
        }

        await VersionHost.WaitAsync(() => beside.State == ModelVersionState.Closed, "the end of all versions");
    }

    /// <summary>
    /// A layer that blocks when it is closed holds up neither the caller nor the reloads to come, nor the end of the host.
    /// </summary>
    [Fact]
    public async Task Reload_LayerOfTheFormerVersionBlocksWhenItIsClosed_EndsInTimeAndSoDoesTheNext()
    {
        using var gate = new ManualResetEventSlim();
        var isBlocking = true;
        await _test.StartAsync(
            model => model.Use(inner => isBlocking ? new Closing(inner, gate.Wait) : inner), null,
            ("MlServing:DrainTimeout", "00:00:00.1"));
        isBlocking = false;
        var former = _test.Versions.Live!;
        try
        {
            await Task.Run(() => _test.Versions.ReloadAsync(Token), Token).WaitAsync(Patience, Token);
            await Task.Run(() => _test.Versions.ReloadAsync(Token), Token).WaitAsync(Patience, Token);
            await Task.Run(() => _test.Versions.UnloadAsync(former, Token), Token).WaitAsync(Patience, Token);
            Assert.Equal((6f, ModelVersionState.Draining), (await _test.Predictor.SumAsync(), former.State));

            await Task.Run(() => _test.Host.StopAsync(Token), Token).WaitAsync(Patience, Token);
        }
        finally
        {
            gate.Set();
        }

        await VersionHost.WaitAsync(() => former.State == ModelVersionState.Closed, "the end of the former version");
    }

    /// <summary>A check that gave up on a version which does not answer.</summary>
    [Fact]
    public async Task Check_LeavesARequestInTheVersionItRefuses_IsToldAndTheNextReloadGoesThrough()
    {
        var (hold, isBad) = (new HeldPredictor.Hold(), false);
        var left = Task.FromResult(0f);
        await _test.StartAsync(
            model => model.Use(inner => isBad ? new HeldPredictor(inner, hold) : inner).WithWarmUp(),
            services => services.AddSingleton<IModelVersionCheck>(new Check((version, _, _) =>
            {
                if (!isBad) return Task.CompletedTask;
                left = version.Predictor.SumAsync();
                throw new TimeoutException("it does not answer");
            })));
        isBad = true;
        try
        {
            var thrown = await Assert.ThrowsAsync<ModelLoadException>(() => _test.Versions.ReloadAsync(Token).WaitAsync(Patience, Token));
            Assert.Contains("it does not answer", thrown.Message, StringComparison.Ordinal);
            isBad = false;
            await _test.Versions.ReloadAsync(Token).WaitAsync(Patience, Token);
            Assert.Equal(0, hold.Disposals);
        }
        finally
        {
            hold.Release();
        }

        Assert.Equal(6, await left);
        await VersionHost.WaitAsync(() => hold.Disposals == 1, "the end of the refused version");
    }

    /// <summary>Both wait for the same end, of which all are told once.</summary>
    [Fact]
    public async Task UnloadAsync_TwiceAtOnce_IsToldOnce()
    {
        var (hold, isHolding) = (new HeldPredictor.Hold(), false);
        await _test.StartAsync(model => model.Use(inner => isHolding ? new HeldPredictor(inner, hold) : inner).WithWarmUp());
        isHolding = true;
        var version = await _test.Versions.LoadAsync(cancellationToken: Token);
        var held = version.Predictor.SumAsync();

        Task[] unloads = [_test.Versions.UnloadAsync(version, Token), _test.Versions.UnloadAsync(version, Token)];
        Assert.DoesNotContain(unloads, static unload => unload.IsCompleted);
        hold.Release();
        await Task.WhenAll(unloads);

        Assert.Equal(6, await held);
        Assert.Single(_test.Events.OfType<ModelVersionClosed>());
    }

    [Fact]
    public async Task PublishAsync_CallersContext_IsNotSeenByWhatIsClosed()
    {
        AsyncLocal<string?> tenant = new();
        var (seen, isSeen) = ("nothing", new TaskCompletionSource());
        await _test.StartAsync(model => model.Use(inner => new Closing(inner, () =>
        {
            seen = tenant.Value;
            isSeen.TrySetResult();
        })).WithWarmUp());
        var version = await _test.Versions.LoadAsync(cancellationToken: Token);

        tenant.Value = "a";
        await _test.Versions.PublishAsync(version, cancellationToken: Token);
        await isSeen.Task.WaitAsync(Patience, Token);

        Assert.Null(seen);
    }

    /// <summary>A client's time limit, say. Nobody has cancelled anything, so all are told, and it is no caller's cancellation.</summary>
    [Theory]
    [InlineData("source")]
    [InlineData("source factory")]
    [InlineData("options")]
    [InlineData("layer")]
    [InlineData("wrapper")]
    [InlineData("check")]
    [InlineData("change")]
    public async Task Load_CodeOfTheApplicationGivesUpByItself_IsToldAsAFailure(string who)
    {
        var isBad = false;
        void Try(string what)
        {
            if (isBad && what == who) throw new TaskCanceledException("the time is over");
        }

        await _test.StartAsync(
            model => model
                .FromSource(_ =>
                {
                    Try("source factory");
                    return new Source(() => Try("source"));
                })
                .WrapSource((source, _) =>
                {
                    Try("wrapper");
                    return source;
                })
                .Use(inner =>
                {
                    Try("layer");
                    return new Closing(inner, static () => { });
                }),
            services => services.Configure<ModelOptions>("m", _ => Try("options"))
                .AddSingleton<IModelVersionCheck>(new Check((_, _, _) =>
                {
                    Try("check");
                    return Task.CompletedTask;
                })),
            ("MlServing:Models:m:Path", null));
        var live = _test.Versions.Live;
        isBad = true;

        var thrown = await Assert.ThrowsAsync<ModelLoadException>(() => who == "change"
            ? _test.Versions.LoadAsync(_ => Try("change"), Token)
            : _test.Versions.ReloadAsync(Token));

        Assert.Contains("the time is over", thrown.Message, StringComparison.Ordinal);
        Assert.Same(thrown, Assert.Single(_test.Events.OfType<ModelReloadFailed>()).Exception);
        Assert.Contains(_test.Logs.GetSnapshot(), static log => log.Id.Id == 4014
            && log.Message.Contains("the time is over", StringComparison.Ordinal));
        Assert.Same(live, Assert.Single(_test.Versions.All));
        isBad = false;
        await _test.Versions.ReloadAsync(Token);
    }

    /// <summary>The host starts without the model, says why, and tries it again.</summary>
    [Theory]
    [InlineData("source factory")]
    [InlineData("layer")]
    public async Task FirstLoad_CodeOfTheApplicationGivesUpByItself_IsToldAsAFailure(string who)
    {
        void Try(string what)
        {
            if (what == who) throw new TaskCanceledException("the time is over");
        }

        await _test.StartAsync(
            model => model
                .FromSource(_ =>
                {
                    Try("source factory");
                    return new Source(static () => { });
                })
                .Use(inner =>
                {
                    Try("layer");
                    return inner;
                })
                .AsOptional(),
            null, ("MlServing:Models:m:Path", null));

        Assert.IsType<ModelLoadException>(Assert.Single(_test.Events.OfType<ModelLoadFailed>()).Exception);
        Assert.Contains(_test.Logs.GetSnapshot(), static log => log.Id.Id == 4000);
    }

    /// <summary>A layer that does something when it is closed.</summary>
    private sealed class Closing(IPredictor inner, Action action) : DelegatingPredictor(inner)
    {
        protected override ValueTask DisposeAsyncCore()
        {
            action();
            return base.DisposeAsyncCore();
        }
    }

    private sealed class Source(Action read) : IModelSource
    {
        public ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default)
        {
            read();
            return new(new ModelContent(TinyOnnx.WeightedSum(), "a source"));
        }
    }

    private sealed class Check(Func<ModelVersion, ModelVersion, CancellationToken, Task> check) : IModelVersionCheck
    {
        public async ValueTask CheckAsync(ModelVersion version, ModelVersion live, CancellationToken cancellationToken) =>
            await check(version, live, cancellationToken);
    }
}
