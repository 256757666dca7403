using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MlServe.Benchmarks.Load;

namespace MlServe.Benchmarks.Scale;

/// <summary>A host with every model of a folder in the standard pipeline, and callers who ask them at random.</summary>
internal static class ScaleRun
{
    private const int RowLength = 28 * 28;

    /// <summary>Until then pools fill, and code is compiled.</summary>
    private const double SettlingShare = 0.2;

    public static async Task<ScaleResult> RunAsync(
        string folder, int callers, TimeSpan time, CancellationToken cancellationToken)
    {
        var names = Directory.GetFiles(folder, "*.onnx").Select(static path => Path.GetFileNameWithoutExtension(path)).ToArray();
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        var serving = builder.Services.AddMlServing();
        foreach (var name in names)
            serving.AddModel(name, model => model.FromFile(Path.Combine(folder, $"{name}.onnx")).UseStandardPipeline());
        using var host = builder.Build();
        var started = Stopwatch.GetTimestamp();
        await host.StartAsync(cancellationToken);
        var ready = Stopwatch.GetElapsedTime(started);

        IPredictor[] predictors = [.. names.Select(name => host.Services.GetRequiredKeyedService<IPredictor>(name))];
        var (failed, asked, latency) = (new ConcurrentDictionary<string, int>(), new byte[names.Length], LatencyHistograms.Concurrent());
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        over.CancelAfter(time);
        started = Stopwatch.GetTimestamp();
        var asking = Enumerable.Range(0, callers).Select(caller => Task.Run(async () =>
        {
            var random = new Random(caller);
            while (!over.IsCancellationRequested)
            {
                // A row that nobody has asked for before: the cache of the standard pipeline is not what is measured.
                var row = new float[RowLength];
                row[random.Next(RowLength)] = random.NextSingle();
                var model = random.Next(names.Length);
                var began = Stopwatch.GetTimestamp();
                using var prediction = await predictors[model].PredictAsync(
                    PredictionInputs.Row(row), cancellationToken: cancellationToken);
                latency.RecordNanoseconds((long)Stopwatch.GetElapsedTime(began).TotalNanoseconds);
                asked[model] = 1;
                if (!prediction.IsOk) failed.AddOrUpdate(prediction.Status.ToString(), 1, static (_, count) => count + 1);
            }
        }, cancellationToken)).ToArray();
        await Task.Delay(time * SettlingShare, cancellationToken);
        var before = MemoryOverTime.WorkingSet;
        await Task.WhenAll(asking);
        var elapsed = Stopwatch.GetElapsedTime(started);
        var after = MemoryOverTime.WorkingSet;
        await host.StopAsync(cancellationToken);
        return new(
            names.Length, ready, latency.TotalCount - failed.Values.Sum(), failed, asked.Count(static one => one != 0), elapsed,
            latency.Milliseconds(0.5), latency.Milliseconds(0.99), before, after);
    }
}
