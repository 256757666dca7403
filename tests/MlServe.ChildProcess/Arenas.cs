using System.Globalization;
using MlServe.Batching;
using MlServe.Onnx;
using MlServe.TestModels;

namespace MlServe.ChildProcess;

/// <summary>How much memory models keep that have each run many rows once, one after the other.</summary>
internal static class Arenas
{
    private const int Models = 16;
    private const int Rows = 2048;
    private const int Width = 1024;

    /// <summary>A row has 64 KiB of values in between, and weights are 0.6 MiB.</summary>
    private const int WideWidth = 16384;

    public static async Task<int> MeasureAsync(bool isShared)
    {
        OnnxRuntimeEnvironment.Configure(new() { ShareArena = isShared });
        var model = OnnxModel.Mlp(1, 4, Width, 4);
        var loaded = new List<OnnxPredictor>();
        var answered = 0;
        for (var i = 0; i < Models; i++)
        {
            var predictor = await OnnxPredictor.LoadAsync(ModelSource.FromBytes(model)).ConfigureAwait(false);
            loaded.Add(predictor);
            using var prediction = await predictor.PredictAsync(PredictionInputs.Rows(new float[Rows * 4], Rows)).ConfigureAwait(false);
            if (prediction.IsOk) answered++;
        }

        Console.WriteLine($"answered={answered}");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"mebibytes={ResidentKiB() / 1024}"));
        foreach (var predictor in loaded)
            await predictor.DisposeAsync().ConfigureAwait(false);
        return 0;
    }

    /// <summary>
    /// How much memory a model adds that can run many rows and is asked for one: among ten models, and among those that follow.
    /// </summary>
    public static async Task<int> MeasureBatchedAsync(Action<OnnxModelOptions> configure, BatchReadiness readiness = default)
    {
        var options = new OnnxModelOptions();
        configure(options);
        var model = OnnxModel.Mlp(1, 4, WideWidth, 4);
        var pipelines = new List<IPredictor>();
        var answered = 0;
        var before = 0L;
        foreach (var count in (int[])[2, 12, 52])
        {
            var added = count - pipelines.Count;
            while (pipelines.Count < count)
            {
                var loaded = await OnnxPredictor.LoadAsync(ModelSource.FromBytes(model), options).ConfigureAwait(false);
                pipelines.Add(new PredictorBuilder(loaded).UseBatching(batching => batching.Readiness = readiness).Build());
                using var prediction = await pipelines[^1].PredictAsync(PredictionInputs.Row(new float[4])).ConfigureAwait(false);
                if (prediction.IsOk) answered++;
            }

            var resident = await SettledKiBAsync().ConfigureAwait(false);
            if (before > 0)
            {
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture, $"kibibytes-to-{count}={(resident - before) / added}"));
            }

            before = resident;
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"answered={answered}"));
        foreach (var pipeline in pipelines)
            await pipeline.DisposeAsync().ConfigureAwait(false);
        return 0;
    }

    /// <summary>Freed memory goes back a moment after a load.</summary>
    private static async Task<long> SettledKiBAsync()
    {
        var least = long.MaxValue;
        for (var look = 0; look < 8; look++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100)).ConfigureAwait(false);
            GC.Collect();
            least = Math.Min(least, ResidentKiB());
        }

        return least;
    }

    private static long ResidentKiB()
    {
        const string Resident = "VmRSS:";
        var line = File.ReadLines("/proc/self/status").First(static line => line.StartsWith(Resident, StringComparison.Ordinal));
        return long.Parse(line[Resident.Length..^2], CultureInfo.InvariantCulture);
    }
}
