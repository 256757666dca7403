using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using MlServe.Configuration;
using MlServe.Quantization.Samples;

namespace MlServe.Quantization.Serving;

/// <summary>The section <c>Quantization</c> of a model: a model that has it is quantized when it is loaded.</summary>
internal sealed class QuantizationSection(IOptionsMonitor<ModelQuantizationOptions> quantization, IOptionsMonitorCache<ModelQuantizationOptions> cache) : ModelSection
{
    public const string Name = "Quantization";

    private const int MaxRows = 4096;

    public override string Key => Name;

    /// <summary>What keys and values cannot be read.</summary>
    public static IEnumerable<string> ProblemsOf(IConfigurationSection section) => ConfigurationShape.Check(section, typeof(ModelQuantizationOptions));

    public override IEnumerable<string> Check(string model, IConfigurationSection section)
    {
        List<string> problems = [.. ProblemsOf(section)];
        return problems.Count > 0 ? problems : Validate(quantization.Get(model)).Select(problem => $"{section.Path}:{problem}");
    }

    public override void Apply(string model, ModelOptions options)
    {
        // The section may have changed since these were made.
        cache.TryRemove(model);
        if (!options.SourceWrappers.Any(static wrap => wrap.Target is QuantizingWrapper)) options.SourceWrappers.Add(new QuantizingWrapper(model).Wrap);
    }

    private static IEnumerable<string> Validate(ModelQuantizationOptions options)
    {
        if (options.SampleRows is < 1 or > MaxRows) yield return $"{nameof(options.SampleRows)} is {options.SampleRows}; it must be 1 to {MaxRows}.";

        // Where a version stands for the samples, what was made of them may be all that is there.
        for (var i = 0; i < options.SampleFiles.Count && options is { Enabled: true, SamplesVersion: null }; i++)
        {
            if (!SampleFiles.Exists(SampleFiles.FileOf(options.SampleFiles[i])))
                yield return $"{nameof(options.SampleFiles)}:{i} is '{options.SampleFiles[i]}', and there is no such file or folder.";
        }

        var given = options.SampleFiles.Count > 0 ? options.Options.CalibrateWith([]) : options.Options;
        if (options.Enabled && given is { CalibrationSamples: null, Method: null, Plan: null })
            yield return $"{nameof(options.SampleFiles)} is missing, and code gives no samples. Name files of inputs like those that the model will get, or an {nameof(options.Options)}:{nameof(given.Method)} that needs none.";
        if (given.Preprocessing is { Opset: < Preprocessing.Preprocessor.MinOpset or > Preprocessing.Preprocessor.MaxOpset } preprocessing)
            yield return $"{nameof(options.Options)}:{nameof(given.Preprocessing)}:{nameof(preprocessing.Opset)} is {preprocessing.Opset}; it must be {Preprocessing.Preprocessor.MinOpset} to {Preprocessing.Preprocessor.MaxOpset}.";
        foreach (var message in given.Validate())
        {
            var key = message.IndexOf(' ', StringComparison.Ordinal);
            yield return $"{nameof(options.Options)}:{message[..key].Replace('.', ':')}{message[key..]}";
        }
    }
}
