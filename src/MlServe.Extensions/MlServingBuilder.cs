using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using MlServe.Configuration;
using MlServe.Features;
using MlServe.Storage;

namespace MlServe;

/// <summary>
/// Adds models to a host; the result of
/// <see cref="MlServingServiceCollectionExtensions.AddMlServing(IServiceCollection, Action{MlServingOptions})"/>.
/// </summary>
public sealed class MlServingBuilder
{
    private readonly Registrations _registrations;

    internal MlServingBuilder(IServiceCollection services, Registrations registrations)
    {
        Services = services;
        _registrations = registrations;
    }

    /// <summary>The services of the host.</summary>
    public IServiceCollection Services { get; }

    /// <summary>
    /// Adds a model, or adds to one of the same name: single values are replaced, layers go inside of those added before. Values in
    /// configuration win.
    /// </summary>
    /// <param name="name">
    /// The name by which the application asks for the model. It is also its DI key, its options' name, its metric tag and its configuration
    /// key: 1 to 64 ASCII letters, digits, '-', '_' and '.'.
    /// </param>
    /// <param name="configure">States the source of the model and the layers around it; null: configuration says it all.</param>
    /// <returns>This builder.</returns>
    /// <exception cref="ArgumentException">The name has other characters, or differs from another model's only by case.</exception>
    public MlServingBuilder AddModel(string name, Action<ModelBuilder>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (ModelName.ProblemOf(name) is { } problem) throw new ArgumentException($"'{name}' cannot name a model; {problem}", nameof(name));
        var known = _registrations.Models.Find(model => ModelName.Comparer.Equals(model, name));
        if (known is null)
        {
            _registrations.Models.Add(name);
        }
        else if (known != name)
        {
            throw new ArgumentException(
                $"There is a model '{known}', and '{name}' differs from it only by case, which configuration keys do not tell apart. "
                    + "Choose another name.",
                nameof(name));
        }

        configure?.Invoke(new(Services, name, _registrations));
        return this;
    }

    /// <summary>
    /// Names a folder for state that outlives the process: an <see cref="IStateStore"/> can be injected then. Off by default: without this
    /// call there is no store, and nothing is written.
    /// </summary>
    /// <param name="folder">
    /// The folder; a relative path starts at the host's content root. If there is none, it is made for its owner alone when the store is
    /// first asked for.
    /// </param>
    /// <param name="sealKeyFile">
    /// The key file, as for <see cref="FileStateStore"/>; hosts that share the folder share it. Default: null, one among the user's own
    /// data.
    /// </param>
    /// <returns>This builder.</returns>
    public MlServingBuilder UseStateFolder(string folder, string? sealKeyFile = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        Services.RemoveAll<IStateStore>();
        Services.AddSingleton<IStateStore>(services =>
        {
            var root = services.GetService<IHostEnvironment>()?.ContentRootPath ?? "";
            return new FileStateStore(Path.Combine(root, folder), sealKeyFile is null ? null : Path.Combine(root, sealKeyFile));
        });
        return this;
    }

    /// <summary>
    /// Adds a feature that models of the host may use: its keys are then known in their configuration. Once is enough, and more does no
    /// harm. It is a singleton, and may need services.
    /// </summary>
    /// <typeparam name="TFeature">The feature.</typeparam>
    /// <returns>This builder.</returns>
    /// <remarks>The host does not start with a feature whose key, options or slot are another one's.</remarks>
    public MlServingBuilder AddFeature<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TFeature>()
        where TFeature : ModelFeature
    {
        Services.TryAddEnumerable(ServiceDescriptor.Singleton<ModelFeature, TFeature>());
        return this;
    }
}
