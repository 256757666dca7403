using Microsoft.Extensions.Configuration;

namespace MlServe.Configuration;

/// <summary>The sections of a model's configuration that other packages read: those that are registered, and those that would be.</summary>
internal sealed class ModelSections(ModelCatalog catalog, IEnumerable<ModelSection> registered)
{
    private static readonly Dictionary<string, (string Package, string Call)> Packages = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Quantization"] = ("MlServe.Quantization", "AddMlServing().AddQuantization()"),
    };

    /// <summary>The keys of all such sections.</summary>
    public static IReadOnlyCollection<string> Keys => Packages.Keys;

    public static bool IsKey(string key) => Packages.ContainsKey(key);

    public IEnumerable<string> Check(string model)
    {
        foreach (var section in catalog.SectionsOf(model).SelectMany(static section => section.GetChildren()).Where(static section => IsKey(section.Key)))
        {
            if (registered.FirstOrDefault(reader => Is(reader, section)) is { } known)
            {
                foreach (var problem in known.Check(model, section))
                    yield return problem;
            }
            else
            {
                var (package, call) = Packages[section.Key];
                yield return $"{section.Path} is read by the package {package}, which is not registered. Reference the package and call {call}, or take the section out.";
            }
        }
    }

    public void Apply(string model, ModelOptions options)
    {
        foreach (var reader in registered)
        {
            if (catalog.SectionsOf(model).Any(section => section.GetSection(reader.Key).Exists())) reader.Apply(model, options);
        }
    }

    private static bool Is(ModelSection reader, IConfigurationSection section) => reader.Key.Equals(section.Key, StringComparison.OrdinalIgnoreCase);
}
