using MlServe.Onnx.Inspection;

namespace MlServe.Features;

/// <summary>
/// A feature of models as one object. It has a key in configuration, a switch, options with their validation, a place, and the layer that
/// it adds. Derive from <see cref="ModelFeature{TOptions}"/>, and add it by <see cref="MlServingBuilder.AddFeature{TFeature}"/>.
/// </summary>
public abstract class ModelFeature
{
    private protected ModelFeature()
    {
    }

    /// <summary>The key of its options in a model's configuration: <c>MlServing:Models:&lt;name&gt;:Cache</c>.</summary>
    public abstract string Key { get; }

    /// <summary>
    /// The key that turns it on in a model's configuration, true or false. Default: <c>Use</c> and the <see cref="Key"/>. Null: there is
    /// none, and the section turns it on.
    /// </summary>
    public virtual string? Switch => $"Use{Key}";

    /// <summary>The place of its layer.</summary>
    public abstract FeatureSlot Slot { get; }

    /// <summary>The option in its own section that turns it on; null: there is none.</summary>
    internal virtual string? OwnSwitch => null;

    internal abstract Type OptionsType { get; }

    /// <summary>Whether its keys are properties of <see cref="ModelOptions"/>.</summary>
    internal virtual bool IsBuiltIn => false;

    /// <summary>With what the key of an option begins, seen from the model.</summary>
    internal virtual string Prefix => $"{Key}:";

    internal virtual bool IsUsed(ModelOptions options) => options.IsUsed(OptionsType);

    internal abstract object Create();

    internal abstract object CopyObject(object options);

    internal abstract void CompleteObject(object options, string contentRoot);

    internal abstract IEnumerable<string> ValidateObject(object options, ModelSignature? signature);

    /// <summary>The faults in options that name parts of the file: one message each, which begins with the option.</summary>
    /// <param name="options">The options.</param>
    /// <param name="model">The name of the model.</param>
    /// <param name="info">The file's own description of the model.</param>
    internal virtual IEnumerable<string> ValidateFile(object options, string model, OnnxModelInfo info) => [];

    internal abstract void ApplyObject(ModelFeatureContext context, object options);
}
