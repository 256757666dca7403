using Microsoft.Extensions.Configuration;

namespace MlServe.Configuration;

/// <summary>The models that code and configuration name, at the moment of asking.</summary>
internal sealed class ModelCatalog
{
    private readonly Registrations _registrations;

    /// <param name="registrations">What code has added.</param>
    /// <param name="configuration">The host's configuration, read where code names no section; null: there is none.</param>
    public ModelCatalog(Registrations registrations, IConfiguration? configuration)
    {
        _registrations = registrations;
        Sections = registrations.Sections.Count > 0 || configuration is null
            ? registrations.Sections
            : [configuration.GetSection(MlServingOptions.SectionName)];
    }

    /// <summary>The sections to read; where two give one value, the later wins.</summary>
    public IReadOnlyList<IConfigurationSection> Sections { get; }

    /// <summary>The key by which messages name the section.</summary>
    public string Key => Sections.Count > 0 ? Sections[^1].Path : MlServingOptions.SectionName;

    /// <summary>Whether configuration says anything at all.</summary>
    public bool Exists => Sections.Any(static section => section.Exists());

    /// <summary>The names of all models; those added in code first.</summary>
    public IReadOnlyList<string> Names =>
    [
        .. _registrations.Models
            .Concat(Sections.SelectMany(static section => section.GetSection(ConfigurationShape.Models).GetChildren())
                .Select(static model => model.Key))
            .Distinct(ModelName.Comparer),
    ];

    /// <summary>The key by which messages name a model.</summary>
    public string KeyOf(string model) => ConfigurationPath.Combine(Key, ConfigurationShape.Models, model);

    /// <summary>The sections of one model, where there are any.</summary>
    public IEnumerable<IConfigurationSection> SectionsOf(string model) =>
        Sections.Select(section => section.GetSection(ConfigurationShape.Models).GetSection(model))
            .Where(static section => section.Exists());

    /// <summary>All that configuration says of a model, to see whether it changed.</summary>
    public string SnapshotOf(string model) => string.Join('\n', SectionsOf(model)
        .SelectMany(static section => section.AsEnumerable(makePathsRelative: true))
        .OrderBy(static pair => pair.Key, StringComparer.Ordinal)
        .Select(static pair => $"{pair.Key}={pair.Value}"));

    /// <summary>The models that offer a typed door.</summary>
    public IReadOnlyList<string> ModelsWithDoor(Type service) =>
        [.. _registrations.Doors.Where(door => door.Service == service).Select(static door => door.Model).Distinct(ModelName.Comparer)];
}
