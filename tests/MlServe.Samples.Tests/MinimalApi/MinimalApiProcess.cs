using MlServe.Samples.MinimalApi;

[assembly: AssemblyFixture(typeof(MinimalApiProcess))]

namespace MlServe.Samples.MinimalApi;

/// <summary>The sample MinimalApi, listening on a port of its own.</summary>
public sealed class MinimalApiProcess : IAsyncLifetime
{
    private SampleProcess? _process;

    public HttpClient Client { get; } = new();

    public Uri Address => Client.BaseAddress!;

    public async ValueTask InitializeAsync()
    {
        _process = Start();
        Client.BaseAddress = await AddressOfAsync(_process);
    }

    internal static SampleProcess Start(params (string Name, string Value)[] environment) =>
        SampleProcess.StartSample("MinimalApi", ["--urls", "http://127.0.0.1:0"], environment);

    internal static async Task<Uri> AddressOfAsync(SampleProcess process) => new(await process.AfterAsync("Now listening on: "));

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (_process is not null) await _process.DisposeAsync();
    }
}
