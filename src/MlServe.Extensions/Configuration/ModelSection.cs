using Microsoft.Extensions.Configuration;

namespace MlServe.Configuration;

/// <summary>A section of a model's configuration that a package of its own reads.</summary>
internal abstract class ModelSection
{
    /// <summary>The key of the section, below the model's.</summary>
    public abstract string Key { get; }

    /// <summary>Says what is wrong with the section: one message each, which begins with the full key.</summary>
    /// <param name="model">The name of the model.</param>
    /// <param name="section">The section.</param>
    public abstract IEnumerable<string> Check(string model, IConfigurationSection section);

    /// <summary>Does with a model what the section says; called where there is one, each time that the model's options are made.</summary>
    /// <param name="model">The name of the model.</param>
    /// <param name="options">The model's options.</param>
    public abstract void Apply(string model, ModelOptions options);
}
