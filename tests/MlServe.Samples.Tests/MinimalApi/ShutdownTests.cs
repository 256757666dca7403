using System.Net;
using System.Net.Http.Json;

namespace MlServe.Samples.MinimalApi;

public sealed class ShutdownTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Terminate_WhileItDrains_IsNotReadyButAnswers()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGTERM.");
        await using var process = MinimalApiProcess.Start(("DrainDelay", "00:00:25"));
        using var client = new HttpClient { BaseAddress = await MinimalApiProcess.AddressOfAsync(process) };
        var port = client.BaseAddress.Port.ToString(System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(0, await ProbeAsync(port));

        await StopAsync(process);
        await process.AfterAsync("Application is shutting down");
        while (await StatusAsync(client, "health/ready") != HttpStatusCode.ServiceUnavailable)
            Cancellation.ThrowIfCancellationRequested();

        Assert.Equal(HttpStatusCode.OK, await StatusAsync(client, "health/live"));
        using var answer = await client.PostAsJsonAsync("digits", MnistImages.First, Cancellation);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(1, await ProbeAsync(port));
    }

    [Fact]
    public async Task Terminate_WithoutDelay_ClosesTheModelsAndEndsWell()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGTERM.");
        await using var process = MinimalApiProcess.Start();
        await StopAsync(process);

        Assert.Equal(0, await process.ExitAsync());
        Assert.Contains("Closed model 'digits'", process.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task HealthMode_NobodyListens_Fails() => Assert.Equal(1, await ProbeAsync("1"));

    // It listens a moment before its host has started, and a host that is stopped while it starts ends with an exception.
    private static async Task StopAsync(SampleProcess process)
    {
        await process.AfterAsync("Application started");
        process.Terminate();
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client, string path)
    {
        using var response = await client.GetAsync(new Uri(path, UriKind.Relative), Cancellation);
        return response.StatusCode;
    }

    private static async Task<int> ProbeAsync(string port)
    {
        await using var probe = SampleProcess.StartSample("MinimalApi", ["--health"], ("ASPNETCORE_HTTP_PORTS", port));
        return await probe.ExitAsync();
    }
}
