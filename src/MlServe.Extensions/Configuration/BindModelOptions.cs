using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using MlServe.Features;

namespace MlServe.Configuration;

/// <summary>
/// Lays a model's configuration over what code has set, and makes its paths whole. Values that cannot be read are left to the validation,
/// which names them.
/// </summary>
internal sealed class BindModelOptions(ModelCatalog catalog, FeatureCatalog features, IHostEnvironment? environment)
    : IPostConfigureOptions<ModelOptions>
{
    public void PostConfigure(string? name, ModelOptions options)
    {
        List<IConfigurationSection> sections = [.. catalog.SectionsOf(name ?? "")];
        foreach (var section in sections)
        {
            // A path would stand beside a source from code: what is configured takes the place.
            if (!string.IsNullOrWhiteSpace(section[nameof(options.Path)])) (options.Source, options.Predictor) = (null, null);
            SectionBinder.Bind(section, options);
        }

        foreach (var feature in features.Features.Where(static feature => !feature.IsBuiltIn))
            Bind(feature, sections, options);

        Complete(options);
    }

    /// <summary>Makes paths whole.</summary>
    public void Complete(ModelOptions options)
    {
        var root = environment?.ContentRootPath ?? AppContext.BaseDirectory;
        options.Path = ContentPath.Absolute(options.Path, root);
        foreach (var feature in features.Features.Where(feature => options.Has(feature.OptionsType)))
            feature.CompleteObject(options.Get(feature), root);
    }

    private static void Bind(ModelFeature feature, List<IConfigurationSection> sections, ModelOptions options)
    {
        foreach (var section in sections)
        {
            if (feature.Switch is { } option && bool.TryParse(section[option], out var use)) options.Use(feature, use);
            var own = section.GetSection(feature.Key);
            if (!own.Exists()) continue;
            if (feature.Switch is null) options.Use(feature);
            SectionBinder.Bind(own, options.CopyOf(feature));
        }
    }
}
