using System.Diagnostics;
using System.Globalization;
using System.Runtime;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.ML.OnnxRuntime;
using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>
/// A fresh process with a host and a model, as an application has them: says how long it took to be ready, and then to predict.
/// </summary>
internal static class ColdStartChild
{
    /// <summary>The hidden command. It comes before the command line is parsed, which an application does not do.</summary>
    public const string Command = "coldstart-child";

    /// <summary>The hidden command of the raw runtime.</summary>
    public const string RawCommand = "coldstart-raw-child";

    private const int Predictions = 100;
    private const int Evictions = 9;

    /// <summary>More than the caches of a processor hold.</summary>
    private const int EvictingBytes = 64 << 20;

    /// <summary>The same of the raw runtime: a session, a warm-up run, and the run that is measured.</summary>
    public static async Task RunRawAsync()
    {
        var image = new float[28 * 28];
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
        using var session = new InferenceSession(Path.Combine(AppContext.BaseDirectory, "assets", "digits.onnx"), options);
        using var run = new RunOptions();
        var scores = new float[10];
        double elapsed = 0;
        for (var i = 0; i < 2; i++)
        {
            var started = Stopwatch.GetTimestamp();
            using (var input = OrtValue.CreateTensorValueFromMemory(image, [1, 1, 28, 28]))
            using (var outputs = session.Run(run, session.InputNames, [input], session.OutputNames))
                outputs[0].GetTensorDataAsSpan<float>().CopyTo(scores);
            elapsed = Stopwatch.GetElapsedTime(started).TotalMicroseconds;
        }

        await Console.Error.WriteLineAsync(JsonSerializer.Serialize(elapsed));
    }

    /// <param name="startedBefore">A timestamp of <see cref="Stopwatch"/>, whose clock all processes share, from before the process was
    /// started.</param>
    public static async Task RunAsync(string startedBefore)
    {
        var random = new Random(9);
        float[][] images =
            [.. Enumerable.Range(0, Predictions).Select(_ => Enumerable.Range(0, 28 * 28).Select(_ => random.NextSingle()).ToArray())];
        var times = new double[Predictions];
        var scores = new float[10];
        var builder = Host.CreateApplicationBuilder();
        builder.Services.AddMlServing().AddModel("digits", static model => model
            .FromFile(Path.Combine(AppContext.BaseDirectory, "assets", "digits.onnx"))
            .UseBatching());
        using var host = builder.Build();
        using var listener = new ProductionListener();
        await host.StartAsync();
        var ready = Stopwatch.GetElapsedTime(long.Parse(startedBefore, CultureInfo.InvariantCulture));

        var predictor = host.Services.GetRequiredService<IPredictor>();
        // What is compiled for the first time here is this program's own.
        await AskAsync(new Constant(), images[0], scores);
        var (methods, compiling) = (JitInfo.GetCompiledMethodCount(), JitInfo.GetCompilationTime());
        for (var i = 0; i < Predictions; i++)
        {
            times[i] = await AskAsync(predictor, images[i], scores);
            if (i == 0) (methods, compiling) = (JitInfo.GetCompiledMethodCount() - methods, JitInfo.GetCompilationTime() - compiling);
        }

        var (others, evicted) = (new byte[EvictingBytes], new double[Evictions]);
        for (var i = 0; i < evicted.Length; i++)
        {
            for (var at = 0; at < others.Length; at += 64)
                others[at]++;
            evicted[i] = await AskAsync(predictor, images[i], scores);
        }

        // The host logs to the standard output.
        await Console.Error.WriteLineAsync(JsonSerializer.Serialize(
            new ColdStart(
                ready.TotalMilliseconds, times[0], times[^1], MedianEstimate.Of(evicted).Median, methods, compiling.TotalMicroseconds)));
        await host.StopAsync();
    }

    private static async ValueTask<double> AskAsync(IPredictor predictor, float[] image, float[] scores)
    {
        var started = Stopwatch.GetTimestamp();
        using (var prediction = await predictor.PredictAsync(PredictionInputs.Row(image)))
            prediction["scores"].AsSpan<float>().CopyTo(scores);
        return Stopwatch.GetElapsedTime(started).TotalMicroseconds;
    }

    private sealed class Constant : IPredictor
    {
        public ModelSignature Signature => throw new NotSupportedException();

        public ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
        {
            var writer = PredictionWriter.Create();
            writer.AddTensor<float>("scores", 10);
            return new(writer.Complete());
        }

        public object? GetService(Type serviceType, object? serviceKey = null) => null;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => default;
    }
}
