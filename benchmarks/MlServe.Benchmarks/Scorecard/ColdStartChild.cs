using System.Diagnostics;
using System.Globalization;
using System.Runtime;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>A fresh process with a host and a model, as an application has them: says how long it took to be ready, and then to predict.</summary>
internal static class ColdStartChild
{
    /// <summary>The hidden command. It comes before the command line is parsed, which an application does not do.</summary>
    public const string Command = "coldstart-child";

    private const int Predictions = 100;

    /// <param name="startedBefore">A timestamp of <see cref="Stopwatch"/>, whose clock all processes share, from before the process was started.</param>
    public static async Task RunAsync(string startedBefore)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Services.AddMlServing().AddModel("digits", static model => model
            .FromFile(Path.Combine(AppContext.BaseDirectory, "assets", "digits.onnx"))
            .UseBatching());
        using var host = builder.Build();
        using var listener = new ProductionListener();
        await host.StartAsync();
        var ready = Stopwatch.GetElapsedTime(long.Parse(startedBefore, CultureInfo.InvariantCulture));

        var predictor = host.Services.GetRequiredService<IPredictor>();
        var random = new Random(9);
        float[][] images = [.. Enumerable.Range(0, Predictions).Select(_ => Enumerable.Range(0, 28 * 28).Select(_ => random.NextSingle()).ToArray())];
        var times = new double[Predictions];
        var scores = new float[10];
        var (methods, compiling) = (JitInfo.GetCompiledMethodCount(), JitInfo.GetCompilationTime());
        for (var i = 0; i < Predictions; i++)
        {
            var started = Stopwatch.GetTimestamp();
            using (var prediction = await predictor.PredictAsync(PredictionInputs.Row(images[i])))
                prediction["scores"].AsSpan<float>().CopyTo(scores);
            times[i] = Stopwatch.GetElapsedTime(started).TotalMicroseconds;
            if (i == 0) (methods, compiling) = (JitInfo.GetCompiledMethodCount() - methods, JitInfo.GetCompilationTime() - compiling);
        }

        // The host logs to the standard output.
        await Console.Error.WriteLineAsync(JsonSerializer.Serialize(new ColdStart(ready.TotalMilliseconds, times[0], times[^1], methods, compiling.TotalMicroseconds)));
        await host.StopAsync();
    }
}
