using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using MlServe.Docs.Samples;
using Xunit;

namespace MlServe.Docs;

/// <summary>
/// Runs a program of the documents and holds it against what they promise. A web program that answers <c>/digits</c> takes 784 numbers from
/// 0 to 1 and gives ten scores, or an object with a <c>digit</c>.
/// </summary>
internal static class ProgramRun
{
    public static async Task CheckAsync(Sample sample, SampleFolder folder, CancellationToken cancellationToken)
    {
        await using var process = SampleProcess.Start(sample, folder);
        if (sample.IsWeb) await CheckWebAsync(sample, folder, await process.GetAddressAsync(cancellationToken), cancellationToken);

        var code = await process.StopAsync(cancellationToken);
        Assert.True(code == 0, $"{sample.Block} ended with code {code}:\n{process.Output}");
        foreach (var text in sample.Block.Marker?.Prints ?? [])
            CheckPrints(sample, process, text);
    }

    public static void CheckPrints(Sample sample, SampleProcess process, string text) =>
        Assert.True(process.Output.Contains(text, StringComparison.Ordinal), $"{sample.Block} does not print '{text}':\n{process.Output}");

    private static async Task CheckWebAsync(Sample sample, SampleFolder folder, Uri address, CancellationToken cancellationToken)
    {
        using var client = new HttpClient { BaseAddress = address };
        var pixels = folder.Pixels.Select(static grey => grey / 255f).ToArray();

        if (sample.Files.Any(static file => file.Text.Contains("MapHealthChecks(\"/health\"", StringComparison.Ordinal)))
            Assert.Equal("Healthy", await client.GetStringAsync(new Uri("/health", UriKind.Relative), cancellationToken));

        if (!sample.Files.Any(static file => file.Text.Contains("MapPost(\"/digits\"", StringComparison.Ordinal))) return;
        var digits = new Uri("/digits", UriKind.Relative);
        using var good = await client.PostAsJsonAsync(digits, pixels, cancellationToken);
        Assert.Equal(HttpStatusCode.OK, good.StatusCode);
        Assert.Equal(folder.Digit, DigitOf(await good.Content.ReadFromJsonAsync<JsonElement>(cancellationToken)));

        using var bad = await client.PostAsJsonAsync(digits, pixels[..^1], cancellationToken);
        Assert.Equal(HttpStatusCode.BadRequest, bad.StatusCode);
        Assert.Equal("application/problem+json", bad.Content.Headers.ContentType?.MediaType);
        var problem = await bad.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
        Assert.Contains("783", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    private static int DigitOf(JsonElement answer)
    {
        if (answer.ValueKind == JsonValueKind.Object) return answer.GetProperty("digit").GetInt32();
        var scores = answer.EnumerateArray().Select(static score => score.GetSingle()).ToArray();
        Assert.Equal(10, scores.Length);
        return Array.IndexOf(scores, scores.Max());
    }
}
