using System.Diagnostics;
using MlServe.Tests;

namespace MlServe.Onnx;

[Collection(Alone.Name)]
public sealed class LoadUnloadTests
{
    [Fact]
    public void LoadAndUnload_AThousandTimes_KeepsNoMemoryAndNoHandle()
    {
        const long MaxGrowth = 20 * 1024 * 1024;
        var path = Path.Combine(Path.GetTempPath(), $"mlserve-{Guid.NewGuid():N}.onnx");
        File.WriteAllBytes(path, TinyModels.Affine(64).ToArray());
        try
        {
            var inputs = PredictionInputs.Row(new float[64]);
            Cycle(path, inputs, 500);
            var memory = PrivateBytes();
            var handles = Handles();
            Cycle(path, inputs, 500);
            var growth = PrivateBytes() - memory;
            TestContext.Current.TestOutputHelper?.WriteLine($"{growth / 1024} KiB over 500 cycles");
            Assert.True(growth < MaxGrowth, $"{growth} bytes more after 500 more cycles.");
            Assert.InRange(Handles() - handles, -1000, 5);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void Cycle(string path, PredictionInputs inputs, int count)
    {
        for (var i = 0; i < count; i++)
        {
            using var predictor = OnnxPredictor.Load(path, new() { WarmUpRuns = 1 });
            using var prediction = Ask.The(predictor, inputs);
            Assert.True(prediction.IsOk);
        }
    }

    private static long PrivateBytes()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        using var process = Process.GetCurrentProcess();
        return OperatingSystem.IsLinux() ? ResidentAnonymous() : process.PrivateMemorySize64;
    }

    /// <summary>What the process really holds of its own; what it has reserved says little under a garbage collector.</summary>
    private static long ResidentAnonymous()
    {
        var line = File.ReadLines("/proc/self/status").First(static line => line.StartsWith("RssAnon:", StringComparison.Ordinal));
        return 1024
            * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static int Handles()
    {
        using var process = Process.GetCurrentProcess();
        return OperatingSystem.IsLinux() ? Directory.GetFileSystemEntries("/proc/self/fd").Length : process.HandleCount;
    }
}
