using Microsoft.Extensions.Configuration;

namespace MlServe.Configuration;

/// <summary>The models that code and configuration name, at the moment of asking.</summary>
internal sealed class ModelCatalog
{
    private readonly Registrations _registrations;
    private readonly IConfiguration? _configuration;

    /// <param name="registrations">The additions of code.</param>
    /// <param name="configuration">The host's configuration, read if code names no section; null: there is none.</param>
    public ModelCatalog(Registrations registrations, IConfiguration? configuration)
    {
        _registrations = registrations;
        _configuration = registrations.Sections.Count > 0 ? null : configuration;
        Sections = registrations.Sections.Count > 0 || configuration is null
            ? registrations.Sections
            : [configuration.GetSection(MlServingOptions.SectionName)];
    }

    /// <summary>The sections to read; if two give one value, the later wins.</summary>
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

    /// <summary>The sections of one model, if there are any.</summary>
    public IEnumerable<IConfigurationSection> SectionsOf(string model) =>
        Sections.Select(section => section.GetSection(ConfigurationShape.Models).GetSection(model))
            .Where(static section => section.Exists());

    /// <summary>All that configuration says of a model, to see whether it changed.</summary>
    public string SnapshotOf(string model) => string.Join('\n', SectionsOf(model)
        .SelectMany(static section => section.AsEnumerable(makePathsRelative: true))
        .OrderBy(static pair => pair.Key, StringComparer.Ordinal)
        .Select(static pair => $"{pair.Key}={pair.Value}"));

    /// <summary>The message for a model that is not there.</summary>
    /// <param name="name">The name.</param>
    /// <param name="models">The names of those that are.</param>
    public string NoSuchModel(string name, IReadOnlyCollection<string> models) =>
        $"There is no model '{name}'.{Suggestion.Of(name, models)} {Known(models)}";

    /// <summary>Says which models there are.</summary>
    public string Known(IReadOnlyCollection<string> models)
    {
        if (models.Count > 0) return $"The models are: {string.Join(", ", models.Select(static name => $"'{name}'"))}.";
        var none = $"There are no models: add one with AddModel, or below {Key}:{ConfigurationShape.Models}.";
        return Exists ? none : $"{none} The configuration has no section '{Key}'.{Misspelt}";
    }

    /// <summary>The message for a typed door that no model has.</summary>
    /// <param name="service">Its type.</param>
    /// <param name="model">The model that was asked for; null: none by name.</param>
    public string NoSuchDoor(Type service, string? model = null)
    {
        List<string> doors =
            [.. _registrations.Doors.Select(static door => $"{TypeText.Of(door.Service)} of model '{door.Model}'").Distinct()];
        var asked = model is null ? "No model has the" : $"Model '{model}' has no";
        return $"{asked} typed door {TypeText.Of(service)}. "
            + (doors.Count == 0 ? "There are no typed doors. " : $"There are: {string.Join("; ", doors)}. ")
            + "Open one where a model is added in code: AddModel(name, model => model.As<TInput, TOutput>(...)).";
    }

    /// <summary>A section that is not read, and whose name is almost the one that is; null: there is none.</summary>
    public string? FindMisspeltSection() => Sections.Any(static section => section.Exists()) || _configuration is null
        ? null
        : _configuration.GetChildren()
            .Where(static section => section.GetChildren().Any(static child => IsKnown(child.Key)))
            .Select(static section => section.Key)
            .FirstOrDefault(static key => Suggestion.For(key, [MlServingOptions.SectionName]) is not null);

    private string Misspelt => FindMisspeltSection() is { } section ? $" It has '{section}': rename that." : "";

    private static bool IsKnown(string key) => key.Equals(ConfigurationShape.Models, StringComparison.OrdinalIgnoreCase)
        || ConfigurationShape.PropertiesOf(typeof(MlServingOptions)).Any(property =>
            property.Name.Equals(key, StringComparison.OrdinalIgnoreCase));

    /// <summary>The models that offer a typed door.</summary>
    public IReadOnlyList<string> ModelsWithDoor(Type service) =>
        [.. _registrations.Doors.Where(door => door.Service == service).Select(static door => door.Model).Distinct(ModelName.Comparer)];
}
