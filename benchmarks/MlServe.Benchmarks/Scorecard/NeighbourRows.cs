using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>Whether a web server's other routes notice that a slow model is kept busy beside them.</summary>
internal static class NeighbourRows
{
    public static readonly Claim P99 = Claim.AtMost("batching.neighbour_p99_ms", "ratio", 3);

    private const string ModelPath = "data/models/image/super_resolution.onnx";

    public static ScorecardRow Measure(int windows) => SharedFolder.Find(ModelPath) is { } path
        ? MeasureAsync(File.ReadAllBytes(path), Math.Max(5, windows / 4)).GetAwaiter().GetResult()
        : P99.NotAvailable("the model super_resolution is not at hand");

    private static async Task<ScorecardRow> MeasureAsync(byte[] model, int pairs)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        await using var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        app.MapGet("/health", static () => "ok");
        await app.StartAsync();
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        using var client = new HttpClient { BaseAddress = new(address) };

        // One core is left to the host: a service that wants its cores for itself says so by the gate.
        using var batched = new BatchedModel(
            model, options => options.MaxBatchSize = 4, new RunGate(Math.Max(1, Environment.ProcessorCount - 1)));
        var image = new float[224 * 224];
        var ratios = new List<double>();
        double idle = 0, busy = 0;
        await P99Async(client, 200);
        for (var pair = 0; pair < pairs; pair++)
        {
            idle = await P99Async(client, 300);
            using var stop = new CancellationTokenSource();
            var callers = Enumerable.Range(0, 8).Select(_ => Task.Run(() => AskAsync(batched.Predictor, image, stop.Token))).ToArray();
            await Task.Delay(100);
            busy = await P99Async(client, 300);
            await stop.CancelAsync();
            await Task.WhenAll(callers);
            ratios.Add(busy / idle);
        }

        await app.StopAsync();
        var ratio = MedianEstimate.Of(ratios);
        return P99.Row(ratio, string.Create(
            CultureInfo.InvariantCulture,
            $"p99 of a health route while super_resolution is kept busy by 8 callers (gate: cores less one) over idle; last {busy:0.00} "
                + $"ms over {idle:0.00} ms"));
    }

    private static async Task AskAsync(IPredictor predictor, float[] image, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            using var prediction = await predictor.PredictAsync(PredictionInputs.Row(image), cancellationToken: CancellationToken.None);
        }
    }

    private static async Task<double> P99Async(HttpClient client, int requests)
    {
        var milliseconds = new double[requests];
        for (var i = 0; i < requests; i++)
        {
            var started = Stopwatch.GetTimestamp();
            await client.GetStringAsync(new Uri("/health", UriKind.Relative));
            milliseconds[i] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        }

        Array.Sort(milliseconds);
        return milliseconds[(int)(0.99 * (requests - 1))];
    }
}
