using MlServe.Samples.Browser;

[assembly: AssemblyFixture(typeof(Chromium))]

namespace MlServe.Samples.Browser;

/// <summary>A headless Chromium, started when a test first asks for a page. Without one on the machine such tests are skipped.</summary>
public sealed class Chromium : IAsyncDisposable
{
    private static readonly string Program = Environment.GetEnvironmentVariable("CHROMIUM") ?? "/usr/bin/chromium";

    private readonly SemaphoreSlim _starting = new(1);
    private readonly DirectoryInfo _profile = Directory.CreateTempSubdirectory("mlserve-chromium-");
    private SampleProcess? _process;
    private DevTools? _devTools;

    internal async Task<BrowserPage> OpenAsync(Uri address, Screen screen)
    {
        Assert.SkipUnless(
            File.Exists(Program),
            $"There is no browser at {Program}. Install Debian's package chromium, or name another in the environment variable CHROMIUM.");
        await _starting.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            _devTools ??= await StartAsync();
        }
        finally
        {
            _starting.Release();
        }

        return await BrowserPage.OpenAsync(_devTools, address, screen);
    }

    public async ValueTask DisposeAsync()
    {
        if (_devTools is not null) await _devTools.DisposeAsync();
        if (_process is not null) await _process.DisposeAsync();
        _profile.Delete(recursive: true);
        _starting.Dispose();
    }

    private async Task<DevTools> StartAsync()
    {
        string[] arguments =
        [
            "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--remote-debugging-port=0",
            $"--user-data-dir={_profile.FullName}",
            // Chromium's sandbox does not work for root.
            .. Environment.IsPrivilegedProcess ? new[] { "--no-sandbox" } : [],
        ];
        _process = SampleProcess.Start(Program, arguments);
        return await DevTools.ConnectAsync(new(await _process.AfterAsync("DevTools listening on ")));
    }
}
