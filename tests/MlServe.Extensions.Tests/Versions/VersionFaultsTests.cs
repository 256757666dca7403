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
            var (publish, unload) = (_test.Versions.PublishAsync(beside, cancellationToken: Token), _test.Versions.UnloadAsync(beside, Token));

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

    private sealed class Check(Func<ModelVersion, ModelVersion, CancellationToken, Task> check) : IModelVersionCheck
    {
        public async ValueTask CheckAsync(ModelVersion version, ModelVersion live, CancellationToken cancellationToken) =>
            await check(version, live, cancellationToken);
    }
}
