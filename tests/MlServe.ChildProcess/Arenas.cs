using System.Globalization;
using MlServe.Onnx;
using MlServe.TestModels;

namespace MlServe.ChildProcess;

/// <summary>How much memory models keep that have each run many rows once, one after the other.</summary>
internal static class Arenas
{
    private const int Models = 16;
    private const int Rows = 2048;
    private const int Width = 1024;

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

        const string Resident = "VmRSS:";
        var line = File.ReadLines("/proc/self/status").First(static line => line.StartsWith(Resident, StringComparison.Ordinal));
        Console.WriteLine($"answered={answered}");
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"mebibytes={int.Parse(line[Resident.Length..^2], CultureInfo.InvariantCulture) / 1024}"));
        foreach (var predictor in loaded)
            await predictor.DisposeAsync().ConfigureAwait(false);
        return 0;
    }
}
