using Microsoft.Extensions.Options;
using MlServe.Features;
using MlServe.Guests;
using MlServe.Resilience;

namespace MlServe.Configuration;

/// <summary>Reads what a version of a model is loaded with.</summary>
internal sealed class SettingsReader(
    ModelCatalog catalog, FeatureCatalog features, ConfigurationCheck configuration, IOptionsMonitor<ModelOptions> models,
    IOptionsMonitorCache<ModelOptions> cache, IEnumerable<IPostConfigureOptions<ModelOptions>> postConfigure)
{
    private readonly BindModelOptions _binder = postConfigure.OfType<BindModelOptions>().Single();

    /// <summary>The key by which messages name a model.</summary>
    public string KeyOf(string name) => catalog.KeyOf(name);

    /// <summary>As the host's options say that are in force, for the first load.</summary>
    /// <exception cref="OptionsValidationException">
    /// They are not valid, or the chain names an unknown model or leads back to the model.
    /// </exception>
    public VersionSettings InForce(string name)
    {
        var options = Made(name, () => models.Get(name));

        // Nobody changes the frozen ones, and only a reload asks: a first load does not wait for every property to be read.
        var text = options.Frozen is { } frozen
            ? new Lazy<string>(() => OptionsText.Of(frozen, features))
            : new Lazy<string>(OptionsText.Of(options, features));
        return Of(name, options, text, catalog.SnapshotOf(name));
    }

    /// <summary>As configuration and code say now. The statements of the host's options stay.</summary>
    /// <param name="name">The name of the model.</param>
    /// <param name="change">Changes the options; null: nothing.</param>
    /// <exception cref="OptionsValidationException">As for <see cref="InForce"/>.</exception>
    public VersionSettings Read(string name, Action<ModelOptions>? change = null)
    {
        // Before the options: a change between the two is then seen as one.
        var snapshot = catalog.SnapshotOf(name);
        var options = Made(name, () => configuration.OptionsOf(name));
        var text = new Lazy<string>(OptionsText.Of(options, features));
        if (change is not null)
        {
            var path = options.Path;
            Made(name, () =>
            {
                change(options);
                return options;
            });
            if (options.Path != path && options.Path is not null) (options.Source, options.Predictor) = (null, null);
            _binder.Complete(options);
        }

        List<string> problems = [.. configuration.ProblemsOf(name, options)];
        return problems.Count == 0
            ? Of(name, options, text, snapshot)
            : throw new OptionsValidationException(name, typeof(ModelOptions), problems);
    }

    /// <summary>Lets the host's options say what a version was loaded with that has become the live one.</summary>
    public void Accept(VersionSettings settings)
    {
        cache.TryRemove(settings.Model);
        cache.TryAdd(settings.Model, settings.Options);
    }

    /// <summary>Forgets the host's options of a model that was asked for when they were others.</summary>
    public void Forget(string name) => cache.TryRemove(name);

    /// <summary>Code of the application's that gives up by itself is no cancellation of anybody's: nobody would hear of it.</summary>
    private static ModelOptions Made(string name, Func<ModelOptions> make)
    {
        try
        {
            return make();
        }
        catch (OperationCanceledException exception)
        {
            throw new ModelLoadException(
                ModelLoadFailure.Other, $"The options of model '{name}' could not be made. {ExceptionText.Of(exception)}", exception);
        }
    }

    private VersionSettings Of(string name, ModelOptions options, Lazy<string> text, string snapshot)
    {
        var steps = options.FallbackSteps();
        List<string> problems = [.. FallbackGraph.ProblemsOf(name, steps, catalog.Names, StepsOfOther, catalog.KeyOf)];
        return problems.Count == 0
            ? new(name, options, text, steps, snapshot)
            : throw new OptionsValidationException(name, typeof(ModelOptions), problems);
    }

    /// <summary>
    /// The steps of a model on the way of a chain. There are none if its options are not valid, of which its own load tells.
    /// </summary>
    private IReadOnlyList<FallbackStep> StepsOfOther(string name)
    {
        try
        {
            return models.Get(name).FallbackSteps();
        }
        catch (OptionsValidationException)
        {
            return [];
        }
    }
}
