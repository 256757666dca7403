using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using MlServe.Configuration;
using MlServe.Quantization.Samples;

namespace MlServe.Quantization.Serving;

/// <summary>Lays a model's section over what code has set, and makes its paths whole. What cannot be read is left to the validation, which names it.</summary>
internal sealed class BindModelQuantizationOptions(ModelCatalog catalog, IHostEnvironment? environment) : IPostConfigureOptions<ModelQuantizationOptions>
{
    public void PostConfigure(string? name, ModelQuantizationOptions options)
    {
        foreach (var section in catalog.SectionsOf(name ?? "").Select(static section => section.GetSection(QuantizationSection.Name)))
        {
            if (!section.Exists() || QuantizationSection.ProblemsOf(section).Any()) continue;

            // Copies: code may have given one object to several models.
            options.Options = options.Options with { Gate = options.Options.Gate with { Metrics = options.Options.Gate.Metrics.ToDictionary(StringComparer.Ordinal) }, Preprocessing = options.Options.Preprocessing with { } };
            SectionBinder.Bind(section, options);
        }

        if (!string.IsNullOrWhiteSpace(options.CacheFolder)) options.CacheFolder = Absolute(options.CacheFolder);
        options.SampleFiles = [.. options.SampleFiles.Select(AbsoluteSample)];
    }

    private string AbsoluteSample(string sample)
    {
        // A path may hold a '=' too.
        var path = Absolute(sample);
        if (SampleFiles.Exists(path)) return path;
        var file = SampleFiles.FileOf(sample);
        return sample[..^file.Length] + Absolute(file);
    }

    private string Absolute(string path) => path.Length == 0 || path.Contains('\0', StringComparison.Ordinal) ? path : Path.GetFullPath(path, environment?.ContentRootPath ?? AppContext.BaseDirectory);
}
