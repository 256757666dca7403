using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;
using MlServe.Onnx;

namespace MlServe.ChildProcess;

/// <summary>Loads eight models that ask for three threads each and the shared pool, and counts the process's threads.</summary>
internal static class Pools
{
    private const int Models = 8;

    public static async Task<int> CountAsync(string model, bool makeEnvironmentFirst)
    {
        if (makeEnvironmentFirst) _ = OrtEnv.Instance().GetVersionString();

        var log = new ConsoleLog();
        var options = new OnnxModelOptions { IntraOpThreads = 4, UseSharedThreadPool = true };
        var predictors = new List<OnnxPredictor>
        {
            OnnxPredictor.Load(model, options, new() { LoggerFactory = log }),
        };
        var before = CountThreads();
        while (predictors.Count < Models)
            predictors.Add(OnnxPredictor.Load(model, options));

        Console.WriteLine($"threads={CountThreads() - before}");
        var answered = 0;
        foreach (var predictor in predictors)
        {
            using var prediction = await predictor.PredictAsync(PredictionInputs.Row(new float[4])).ConfigureAwait(false);
            if (prediction.IsOk) answered++;
        }

        Console.WriteLine($"answered={answered}");
        foreach (var predictor in predictors)
            await predictor.DisposeAsync().ConfigureAwait(false);
        return 0;
    }

    private static int CountThreads()
    {
        using var process = Process.GetCurrentProcess();
        return process.Threads.Count;
    }
}
