using System.CommandLine;
using MlServe.Onnx;
using MlServe.Quantization;

namespace MlServe.Cli.Commands;

/// <summary>The options that name the sources of samples.</summary>
internal sealed class SampleOptions
{
    private readonly Option<string[]> _samples = new("--samples", "-s")
    {
        HelpName = "FILE|FOLDER|NAME=FILE",
        Description = "Inputs like those that the model will get: .npy files, .pb tensors, folders of them (test_data_set_0/input_0.pb "
            + "too), or NAME=FILE.npy for each input. The rows of an array are samples.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> _raw = new("--samples-raw")
    {
        HelpName = "FILE",
        Description = "Samples of a model's only input: rows of its type one behind the other, little-endian, without a header.",
    };

    private readonly Option<int> _rows = CommonOptions.Count(
        "--rows", "Rows of an array that make one sample: as many as will run together, because speed is measured with them.", 1, 4096, 1);

    private readonly Option<int> _max = CommonOptions.Count(
        "--max-samples", "Samples that are used at most.", 1, 1_000_000, new QuantizationOptions().MaxSamples);

    private readonly Option<int> _random = CommonOptions.Count(
        "--random-samples", "Random inputs in place of samples, to try things out. Their ranges are not those of real data.", 0, 10_000, 0);

    private readonly Option<int> _seed = CommonOptions.Count("--seed", "Makes other random inputs.", 0, int.MaxValue, 1);

    /// <summary>Adds the options for samples to calibrate on.</summary>
    public void AddTo(Command command)
    {
        AddFilesTo(command);
        foreach (var option in (Option[])[_max, _random, _seed])
            command.Options.Add(option);
    }

    /// <summary>Adds the options for a few samples to run a model on.</summary>
    public void AddFilesTo(Command command)
    {
        foreach (var option in (Option[])[_samples, _raw, _rows])
            command.Options.Add(option);
    }

    public async Task<QuantizationOptions> ApplyAsync(
        QuantizationOptions options, string model, ParseResult parsed, CancellationToken cancellationToken)
    {
        options = options with { MaxSamples = parsed.GetValue(_max) };
        var random = parsed.GetValue(_random);
        if (random == 0) return await ReadAsync(model, parsed, cancellationToken) is { } samples ? options.CalibrateWith(samples) : options;
        if (parsed.GetValue(_samples) is { Length: > 0 } || parsed.GetValue(_raw) is not null)
            throw new CliException("Give samples or --random-samples, not both.");
        await Console.Error.WriteLineAsync(
            "warning: calibrating on random inputs. Their ranges are not those of real data: "
            + "use the result to measure speed, not to answer.");
        return options.CalibrateWith(
            await CalibrationSamples.CreateRandomAsync(model, random, parsed.GetValue(_seed), cancellationToken));
    }

    /// <returns>The samples of the files that were named; null: none were.</returns>
    public async Task<IEnumerable<PredictionInputs>?> ReadAsync(string model, ParseResult parsed, CancellationToken cancellationToken)
    {
        var paths = parsed.GetValue(_samples) ?? [];
        var raw = parsed.GetValue(_raw);
        if (paths.Length == 0 && raw is null) return null;
        if (raw is not null && paths.Length > 0) throw new CliException("Give --samples or --samples-raw, not both.");
        var rows = parsed.GetValue(_rows);
        return raw is not null
            ? await CalibrationSamples.FromRawFileAsync(model, raw, rows, cancellationToken)
            : await CalibrationSamples.FromFilesAsync(model, paths, rows, cancellationToken);
    }
}
