using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.ML.OnnxRuntime;
using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>A fresh process that loads every model of a folder in one way, and asks each once.</summary>
internal static class LoadChild
{
    /// <summary>The hidden command. It comes before the command line is parsed, which an application does not do.</summary>
    public const string Command = "load-child";

    public static async Task RunAsync(LoadWay way, string folder)
    {
        var started = Stopwatch.GetTimestamp();
        var paths = Directory.GetFiles(folder, "*.onnx").Order(StringComparer.Ordinal).ToArray();
        var answered = way switch
        {
            LoadWay.Raw => AskRaw(paths),
            LoadWay.BareHost => await AskNobodyAsync(),
            _ => await AskHostAsync(way, folder, paths, started),
        };
        await Console.Error.WriteLineAsync(JsonSerializer.Serialize(answered with
        {
            FirstMs = answered.FirstMs > 0 ? answered.FirstMs : Stopwatch.GetElapsedTime(started).TotalMilliseconds,
        }));
    }

    private static LoadResult AskRaw(string[] paths)
    {
        var started = Stopwatch.GetTimestamp();
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
        var sessions = new List<InferenceSession>();
        foreach (var path in paths)
        {
            var session = new InferenceSession(path, options);
            sessions.Add(session);
            var input = session.InputMetadata.Single();
            var shape = input.Value.Dimensions.Select(static size => (long)Math.Max(1, size)).ToArray();
            using var value = OrtValue.CreateTensorValueFromMemory(new float[shape.Aggregate(1L, static (a, b) => a * b)], shape);
            using var run = new RunOptions();
            using var outputs = session.Run(run, [input.Key], [value], session.OutputNames);
        }

        var elapsed = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        var result = LoadResult.Of(elapsed, sessions.Count);
        foreach (var session in sessions)
            session.Dispose();
        return result;
    }

    private static async Task<LoadResult> AskNobodyAsync()
    {
        var started = Stopwatch.GetTimestamp();
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        using var host = builder.Build();
        await host.StartAsync();
        var result = LoadResult.Of(Stopwatch.GetElapsedTime(started).TotalMilliseconds, 0);
        await host.StopAsync();
        return result;
    }

    private static async Task<LoadResult> AskHostAsync(LoadWay way, string folder, string[] paths, long started)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        var serving = builder.Services.AddMlServing();
        foreach (var path in paths)
        {
            serving.AddModel(Path.GetFileNameWithoutExtension(path), model =>
            {
                if (Sabotage.IsOnInParent) model.FromSource(new SlowSource(path, TimeSpan.FromSeconds(paths.Length == 1 ? 1 : 0.02)));
                else model.FromFile(path);
                if (way == LoadWay.Seen) model.ConfigureOnnx(onnx => onnx.OptimizedModelCacheFolder = Path.Combine(folder, "cache"));
                if (way == LoadWay.Batching) model.UseBatching();
                if (way == LoadWay.Standard) model.UseStandardPipeline();
            });
        }

        using var host = builder.Build();
        await host.StartAsync();
        var ready = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        var answered = 0;
        foreach (var path in paths)
        {
            var predictor = host.Services.GetRequiredKeyedService<IPredictor>(Path.GetFileNameWithoutExtension(path));
            var input = predictor.Signature.Inputs[0];
            var length = 1L;
            for (var axis = 0; axis < input.Shape.Count; axis++)
                length *= axis == input.BatchAxis ? 1 : input.Shape[axis].Size ?? 1;
            using var prediction = await predictor.PredictAsync(PredictionInputs.Row(new float[length]));
            if (prediction.IsOk) answered++;
        }

        var result = LoadResult.Of(Stopwatch.GetElapsedTime(started).TotalMilliseconds, answered) with { ReadyMs = ready };
        await host.StopAsync();
        return result;
    }
}
