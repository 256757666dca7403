using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>A fresh process whose callers begin when its host is ready.</summary>
internal static class FirstSecondsChild
{
    public const string Command = "first-seconds-child";
    public const int Callers = 64;
    public const int Seconds = 5;

    public static async Task RunAsync(string folder)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        var path = Directory.GetFiles(folder, "*.onnx").Single();
        builder.Services.AddMlServing().AddModel("m", model => model.FromFile(path).UseBatching());
        using var host = builder.Build();
        await host.StartAsync();
        var predictor = host.Services.GetRequiredKeyedService<IPredictor>("m");
        var length = predictor.Signature.Inputs[0].Shape[1].Size ?? 1;
        var answered = new long[2 * Seconds];
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            var row = Enumerable.Range(0, (int)length).Select(i => (float)((i + caller) % 7)).ToArray();
            while (true)
            {
                using var prediction = await predictor.PredictAsync(PredictionInputs.Row(row));
                prediction.EnsureOk();
                var second = (int)Stopwatch.GetElapsedTime(started).TotalSeconds;
                if (second >= answered.Length) return;
                Interlocked.Increment(ref answered[second]);
            }
        })));
        await Console.Error.WriteLineAsync(JsonSerializer.Serialize(
            new FirstSecondsResult(answered[0], answered[..Seconds].Sum(), answered[Seconds..].Sum())));
        await host.StopAsync();
    }
}
