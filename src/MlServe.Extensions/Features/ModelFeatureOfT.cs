using System.Diagnostics.CodeAnalysis;
using MlServe.Configuration;

namespace MlServe.Features;

/// <summary>
/// A feature with options of its own. Code sets them by <see cref="ModelBuilder.UseFeature{TOptions}"/>, configuration by the feature's
/// section, which wins. They are validated once,
/// together with all other configuration, and copied: a later change of the object has no effect. A feature serves all models of a host,
/// and must be safe for concurrent use.
/// </summary>
/// <typeparam name="TOptions">
/// The options: a class of its own for each feature, whose public properties are the keys. They may be texts, numbers, booleans,
/// enumerations, times, lists and dictionaries of
/// these, and other classes that are named by <see cref="AddOptionsType{T}"/>.
/// </typeparam>
public abstract class ModelFeature<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] TOptions> : ModelFeature
    where TOptions : class, new()
{
#pragma warning disable RS0022 // The base has no options, and is not for users to derive from; this class is.
    /// <summary>Makes the feature.</summary>
    protected ModelFeature() => ConfigurationShape.Add<TOptions>();
#pragma warning restore RS0022

    internal sealed override Type OptionsType => typeof(TOptions);

    /// <summary>
    /// Names the faults of the options: at start and at each reload without a signature, and again when the model is loaded. Default:
    /// nothing.
    /// </summary>
    /// <param name="options">The options.</param>
    /// <param name="signature">The model's inputs and outputs; null: it is not loaded yet.</param>
    /// <returns>One message each, which begins with the name of the option; none if nothing is wrong.</returns>
    public virtual IEnumerable<string> Validate(TOptions options, ModelSignature? signature) => [];

    /// <summary>
    /// Completes options after configuration has been read and before they are validated: makes relative paths whole, for one. Default:
    /// nothing.
    /// </summary>
    /// <param name="options">The options.</param>
    /// <param name="contentRoot">The folder at which relative paths start.</param>
    public virtual void Complete(TOptions options, string contentRoot)
    {
    }

    /// <summary>
    /// Copies options, so that later changes of them have no effect. Default: a new object with the values of all public properties, and
    /// copies of the objects, lists and
    /// dictionaries that configuration can set.
    /// </summary>
    /// <param name="options">The options.</param>
    /// <returns>The copy.</returns>
    public virtual TOptions Copy(TOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return OptionsCopy.Of(options);
    }

    /// <summary>Adds the feature to a model that is being loaded; called at each load of a model that uses it.</summary>
    /// <param name="context">The model, and the layers around it.</param>
    /// <param name="options">The options; nobody else holds them.</param>
    public abstract void Apply(ModelFeatureContext context, TOptions options);

    /// <summary>
    /// Makes known a class that stands in a property of the options, so that its properties are keys, and trimming keeps them.
    /// </summary>
    /// <typeparam name="T">The class.</typeparam>
    protected static void AddOptionsType<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] T>()
        where T : class, new() => ConfigurationShape.Add<T>();

    internal sealed override object Create() => new TOptions();

    internal sealed override object CopyObject(object options) => Copy((TOptions)options);

    internal sealed override void CompleteObject(object options, string contentRoot) => Complete((TOptions)options, contentRoot);

    internal sealed override IEnumerable<string> ValidateObject(object options, ModelSignature? signature) =>
        Validate((TOptions)options, signature);

    internal sealed override void ApplyObject(ModelFeatureContext context, object options) => Apply(context, (TOptions)options);
}
