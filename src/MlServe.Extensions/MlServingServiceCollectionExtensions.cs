using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using MlServe;
using MlServe.Caching;
using MlServe.Configuration;
using MlServe.Features;
using MlServe.Hosting;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds MlServe to a host.</summary>
public static class MlServingServiceCollectionExtensions
{
    /// <summary>
    /// Adds MlServe. Models and options are read from the section <c>MlServing</c> of the host's configuration, and may be added in code;
    /// configuration wins. They are checked and loaded before the host starts anything else, and closed after it has stopped everything
    /// else. May be called more than once.
    /// </summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="configure">Changes the options that hold for all models.</param>
    /// <returns>Adds models.</returns>
    public static MlServingBuilder AddMlServing(this IServiceCollection services, Action<MlServingOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (configure is not null) services.Configure(configure);
        return new(services, RegistrationsOf(services));
    }

    /// <summary>Adds MlServe with a configuration section of one's own.</summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="configuration">
    /// A section, read in place of <c>MlServing</c>; of a whole configuration, its section <c>MlServing</c> is meant. If more than one is
    /// given, later ones win.
    /// </param>
    /// <param name="configure">Changes the options that hold for all models.</param>
    /// <returns>Adds models.</returns>
    public static MlServingBuilder AddMlServing(
        this IServiceCollection services, IConfiguration configuration, Action<MlServingOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var builder = services.AddMlServing(configure);
        var section = configuration as IConfigurationSection ?? configuration.GetSection(MlServingOptions.SectionName);
        RegistrationsOf(services).Sections.Add(section);
        return builder;
    }

    private static Registrations RegistrationsOf(IServiceCollection services)
    {
        var known = services.FirstOrDefault(static service => !service.IsKeyedService && service.ServiceType == typeof(Registrations));
        if (known?.ImplementationInstance is Registrations registrations) return registrations;

        registrations = new() { Services = services };
        services.AddSingleton(registrations);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(static services =>
            new ModelCatalog(services.GetRequiredService<Registrations>(), services.GetService<IConfiguration>()));
        services.AddSingleton<FeatureCatalog>();
        services.AddSingleton<DependencyCheck>();
        services.AddSingleton<ConfigurationCheck>();
        services.AddSingleton<ModelFileCheck>();
        services.AddOptions<MlServingOptions>().ValidateOnStart();
        services.AddSingleton<IPostConfigureOptions<MlServingOptions>, BindMlServingOptions>();
        services.AddSingleton<IValidateOptions<MlServingOptions>, ValidateMlServingOptions>();
        services.AddSingleton<IPostConfigureOptions<ModelOptions>>(
            static services => new BindModelOptions(
                services.GetRequiredService<ModelCatalog>(), services.GetRequiredService<FeatureCatalog>(),
                services.GetService<IHostEnvironment>()));
        services.AddSingleton<IValidateOptions<ModelOptions>, ValidateModelOptions>();

        services.TryAddSingleton(static services =>
            new RunGate(services.GetRequiredService<IOptions<MlServingOptions>>().Value.MaxConcurrentRuns));
        services.AddSingleton<ModelEvents>();
        services.TryAddSingleton<IModelEvents>(static services => services.GetRequiredService<ModelEvents>());
        services.AddSingleton<CacheHost>();
        services.AddSingleton<ModelLoader>();
        services.AddSingleton<SettingsReader>();
        services.AddSingleton<ReloadCheck>();
        services.AddSingleton<PredictorProvider>();
        services.AddSingleton<IPredictorProvider>(static services => services.GetRequiredService<PredictorProvider>());
        services.AddSingleton<IPredictorDirectory>(static services => services.GetRequiredService<PredictorProvider>());
        registrations.IsDefaultOwn = !services.Any(static service => service.ServiceType == typeof(IPredictor) && !service.IsKeyedService);

        // Null, and no exception, where there is no such model: whoever can do without it says so by an optional dependency.
        services.TryAddSingleton(static services => services.GetRequiredService<PredictorProvider>().FindDefaultPredictor()!);
        services.AddKeyedSingleton<IPredictor>(
            KeyedService.AnyKey, static (services, key) => ModelOf(services, key)?.Predictor!);
        services.AddKeyedSingleton<IModelVersions>(
            KeyedService.AnyKey, static (services, key) => ModelOf(services, key)?.Changes!);
        services.AddSingleton(typeof(IPredictor<,>), typeof(UnknownDoor<,>));
        services.AddHostedService<MlServingHostedService>();
        return registrations;
    }

    private static ModelEntry? ModelOf(IServiceProvider services, object? key) => key is string name
        ? services.GetRequiredService<PredictorProvider>().FindOrTell(name)
        : throw new InvalidOperationException(
            $"Models are asked for by name, a string; the key given is '{key}' of type {key?.GetType().Name ?? "null"}.");
}
