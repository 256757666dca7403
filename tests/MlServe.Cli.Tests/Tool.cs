using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using Xunit;

namespace MlServe.Cli;

/// <summary>The tool, started as a user starts it.</summary>
internal sealed record Tool(int ExitCode, string Output, string Error)
{
    public static string Model => PathOf("digits.onnx");

    public static async Task<Tool> RunAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        return await EndAsync(process);
    }

    public static Process Start(params string[] arguments) => Process.Start(
        new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "mlserve.dll"), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;

    public static async Task<Tool> EndAsync(Process process)
    {
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new(process.ExitCode, await output, await error);
    }

    /// <summary>Whether this process ignores SIGINT, which the processes that it starts then do as well.</summary>
    public static bool InheritsIgnoredInterrupts
    {
        get
        {
            const string Field = "SigIgn:";
            const int Interrupt = 2;
            const string Status = "/proc/self/status";
            if (!File.Exists(Status)) return false;
            var ignored = File.ReadLines(Status)
                .First(static line => line.StartsWith(Field, StringComparison.Ordinal))[Field.Length..].Trim();
            return (Convert.ToUInt64(ignored, 16) & (1UL << (Interrupt - 1))) != 0;
        }
    }

    public static async Task SignalAsync(Process process, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Images of MNIST's test set as the model takes them.</summary>
    public static float[] Images(int count)
    {
        using var file = new GZipStream(File.OpenRead(PathOf("mnist-test-images.idx3-ubyte.gz")), CompressionMode.Decompress);
        var bytes = new byte[16 + (784 * count)];
        file.ReadExactly(bytes);
        return [.. bytes.Skip(16).Select(static grey => grey / 255f)];
    }

    private static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "assets", name);
}
