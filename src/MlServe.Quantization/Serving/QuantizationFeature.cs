using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MlServe.Features;
using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Samples;

namespace MlServe.Quantization.Serving;

/// <summary>A model that is quantized when it is loaded: its section <c>Quantization</c>, or code, says so.</summary>
internal sealed class QuantizationFeature : ModelFeature<ModelQuantizationOptions>
{
    private const int MaxRows = 4096;

    public QuantizationFeature()
    {
        AddOptionsType<QuantizationOptions>();
        AddOptionsType<QuantizationGate>();
        AddOptionsType<PreprocessingOptions>();
    }

    public override string Key => "Quantization";

    /// <summary>The section turns it on, unless its own option <see cref="ModelQuantizationOptions.Enabled"/> says otherwise.</summary>
    public override string? Switch => null;

    public override FeatureSlot Slot => FeatureSlot.Source;

    public override void Complete(ModelQuantizationOptions options, string contentRoot)
    {
        if (string.IsNullOrWhiteSpace(options.CacheFolder)) options.CacheFolder = null;
        else options.CacheFolder = Absolute(options.CacheFolder, contentRoot);
        if (options.SamplesVersion is "") options.SamplesVersion = null;
        options.SampleFiles = [.. options.SampleFiles.Select(sample => AbsoluteSample(sample, contentRoot))];
    }

    public override ModelQuantizationOptions Copy(ModelQuantizationOptions options)
    {
        var given = options.Options;
        return new()
        {
            Enabled = options.Enabled,
            Required = options.Required,
            CacheFolder = options.CacheFolder,
            SamplesVersion = options.SamplesVersion,
            SampleFiles = [.. options.SampleFiles],
            SampleRows = options.SampleRows,
            OnReport = options.OnReport,
            Options = given with
            {
                ExcludeNodes = [.. given.ExcludeNodes],
                Gate = given.Gate with { Metrics = given.Gate.Metrics.ToDictionary(StringComparer.Ordinal) },
                Preprocessing = given.Preprocessing with { },
            },
        };
    }

    public override IEnumerable<string> Validate(ModelQuantizationOptions options, ModelSignature? signature)
    {
        if (options.SampleRows is < 1 or > MaxRows)
            yield return $"{nameof(options.SampleRows)} is {options.SampleRows}; it must be 1 to {MaxRows}.";

        // Where a version stands for the samples, what was made of them may be all that is there.
        for (var i = 0; i < options.SampleFiles.Count && options is { Enabled: true, SamplesVersion: null }; i++)
        {
            if (!SampleFiles.Exists(SampleFiles.FileOf(options.SampleFiles[i])))
                yield return $"{nameof(options.SampleFiles)}:{i} is '{options.SampleFiles[i]}', and there is no such file or folder.";
        }

        var given = options.SampleFiles.Count > 0 ? options.Options.CalibrateWith([]) : options.Options;
        if (options.Enabled && given is { CalibrationSamples: null, Method: null, Plan: null })
        {
            yield return $"{nameof(options.SampleFiles)} is missing, and code gives no samples. Name files of inputs like those that the "
                + $"model will get, or an {nameof(options.Options)}:{nameof(given.Method)} that needs none.";
        }

        if (given.Preprocessing is { Opset: < Preprocessor.MinOpset or > Preprocessor.MaxOpset } preprocessing)
        {
            yield return $"{nameof(options.Options)}:{nameof(given.Preprocessing)}:{nameof(preprocessing.Opset)} is {preprocessing.Opset}; "
                + $"it must be {Preprocessor.MinOpset} to {Preprocessor.MaxOpset}.";
        }

        foreach (var message in given.Validate())
        {
            var key = message.IndexOf(' ', StringComparison.Ordinal);
            yield return $"{nameof(options.Options)}:{message[..key].Replace('.', ':')}{message[key..]}";
        }
    }

    public override void Apply(ModelFeatureContext context, ModelQuantizationOptions options) =>
        context.WrapSource((source, services) => source.Quantize(options, context.Model, services.GetService<ILoggerFactory>()));

    private static string AbsoluteSample(string sample, string contentRoot)
    {
        // A path may hold a '=' too.
        var path = Absolute(sample, contentRoot);
        if (SampleFiles.Exists(path)) return path;
        var file = SampleFiles.FileOf(sample);
        return sample[..^file.Length] + Absolute(file, contentRoot);
    }

    private static string Absolute(string path, string contentRoot) =>
        path.Length == 0 || path.Contains('\0', StringComparison.Ordinal) ? path : Path.GetFullPath(path, contentRoot);
}
