using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MlServe.Benchmarks.Measurement;
using MlServe.TestModels;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>What is saved against the same predictor behind a local HTTP route, as a model server has it.</summary>
internal static class HttpHopRows
{
    public static readonly Claim Tiny = Claim.AtLeast("peers.http_hop_us.tiny", "us", 0);
    public static readonly Claim Mlp = Claim.AtLeast("peers.http_hop_us.mlp", "us", 0);
    public static readonly Claim Cnn = Claim.AtLeast("peers.http_hop_us.cnn", "us", 0);

    public static ScorecardRow TinyHop(int windows) =>
        MeasureAsync(Tiny, windows, OnnxModel.Mlp(1, 4, 16, 3), 4, "y").GetAwaiter().GetResult();

    public static ScorecardRow MlpHop(int windows) =>
        MeasureAsync(Mlp, windows, OnnxModel.Mlp(1, 784, 512, 512, 10), 784, "y").GetAwaiter().GetResult();

    public static ScorecardRow CnnHop(int windows) => MeasureAsync(
        Cnn, windows, File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "assets", "digits.onnx")), 784, "scores")
        .GetAwaiter()
        .GetResult();

    private static async Task<ScorecardRow> MeasureAsync(Claim claim, int windows, byte[] model, int rowLength, string output)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddMlServing().AddModel("model", configure => configure.FromBytes(model));
        await using var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        var predictor = app.Services.GetRequiredService<IPredictor>();
        app.MapPost("/predict", (RequestDelegate)(context => AnswerAsync(context, predictor, output)));
        await app.StartAsync();

        var random = new Random(8);
        float[] row = [.. Enumerable.Range(0, rowLength).Select(_ => random.NextSingle())];
        using var client = new HttpClient
        {
            BaseAddress = new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()),
        };
        var remote = await AskAsync(client, row);
        float[] local = [];
        InProcess(1);
        if (!remote.AsSpan().SequenceEqual(local)) throw new InvalidOperationException("The route answers otherwise than the predictor.");

        void InProcess(int calls)
        {
            for (var i = 0; i < calls; i++)
            {
                var pending = predictor.PredictAsync(PredictionInputs.Row(row));
                using var prediction = pending.IsCompleted ? pending.Result : pending.AsTask().GetAwaiter().GetResult();
                local = prediction[output].ToArray<float>();
            }
        }

        async Task OverHttp(int calls)
        {
            for (var i = 0; i < calls; i++)
                remote = await AskAsync(client, row);
        }

        var (saved, alone) = PairedWindows.Difference(windows, calls => OverHttp(calls).GetAwaiter().GetResult(), InProcess, 1e6);
        await app.StopAsync();
        return claim.Row(saved, string.Create(
            CultureInfo.InvariantCulture,
            $"microseconds saved a prediction, one caller; the goal is that the hop costs anything at all; Kestrel on loopback, HTTP/1.1 "
                + $"keep-alive, source-generated JSON of {rowLength} numbers; in process {alone:0.0} us"));
    }

    private static async Task AnswerAsync(HttpContext context, IPredictor predictor, string output)
    {
        var row = await JsonSerializer.DeserializeAsync(
            context.Request.BodyReader, HttpHopJson.Default.SingleArray, context.RequestAborted);
        using var prediction = await predictor.PredictAsync(PredictionInputs.Row(row!), cancellationToken: context.RequestAborted);
        if (!prediction.IsOk) throw new InvalidOperationException(prediction.Error.Message);
        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(
            context.Response.BodyWriter, prediction[output].ToArray<float>(), HttpHopJson.Default.SingleArray, context.RequestAborted);
    }

    private static async Task<float[]> AskAsync(HttpClient client, float[] row)
    {
        using var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(row, HttpHopJson.Default.SingleArray));
        content.Headers.ContentType = JsonType;
        using var request = new HttpRequestMessage(HttpMethod.Post, "/predict") { Content = content, Version = HttpVersion.Version11 };
        using var response = await client.SendAsync(request);
        response.EnsureSuccessStatusCode();
        return JsonSerializer.Deserialize(await response.Content.ReadAsByteArrayAsync(), HttpHopJson.Default.SingleArray)!;
    }

    private static readonly MediaTypeHeaderValue JsonType = new("application/json");
}
