using Microsoft.Extensions.Configuration;

namespace MlServe.Configuration;

/// <summary>Finds what configuration says of features that nothing turns on: a section alone does not.</summary>
internal static class UnusedSections
{
    /// <param name="catalog">The configuration.</param>
    /// <param name="model">The name of the model.</param>
    /// <param name="options">Its options.</param>
    /// <returns>The key of each such section, and the option that turns it on. A switch that stands in configuration has been thought of.</returns>
    public static IEnumerable<(string Section, string Switch)> Of(ModelCatalog catalog, string model, ModelOptions options)
    {
        (string Key, string Switch, bool IsOn)[] features =
        [
            (nameof(options.Cache), nameof(options.UseCache), options.UseCache),
            (nameof(options.Timeout), nameof(options.UseTimeout), options.UseTimeout),
            (nameof(options.CircuitBreaker), nameof(options.UseCircuitBreaker), options.UseCircuitBreaker),
            (nameof(options.Batching), nameof(options.UseBatching), options.UseBatching),
        ];
        List<IConfigurationSection> sections = [.. catalog.SectionsOf(model)];
        foreach (var (key, option, isOn) in features)
        {
            if (isOn || sections.Exists(section => section.GetSection(option).Exists())) continue;
            if (sections.FindLast(section => section.GetSection(key).Exists()) is { } found) yield return (found.GetSection(key).Path, option);
        }
    }
}
