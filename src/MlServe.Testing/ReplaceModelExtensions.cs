using Microsoft.Extensions.Hosting;
using MlServe;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Replaces models of a host in tests.</summary>
public static class ReplaceModelExtensions
{
    /// <summary>
    /// Has a predictor answer in place of a host's model. It does not matter which source code and configuration name for the model. All
    /// layers stand around it, but for the batcher. Call it after the application has added its services, as <c>ConfigureTestServices</c>
    /// does; for the same model the last call counts.
    /// </summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="name">The name of the model. The host does not start if it has none of this name.</param>
    /// <param name="predictor">Answers; not disposed.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection ReplaceModel(this IServiceCollection services, string name, IPredictor predictor)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(predictor);

        // So that what configuration says comes before.
        services.AddMlServing();
        services.PostConfigure<ModelOptions>(name, options => options.ReplaceBy(predictor));
        services.AddSingleton<IHostedService>(provider => new Check(provider.GetRequiredService<IPredictorProvider>(), name));
        return services;
    }

    /// <summary>A test that replaces a model that is not there would go on with the real model.</summary>
    private sealed class Check(IPredictorProvider models, string name) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => models.Names.Contains(name)
            ? Task.CompletedTask
            : throw new InvalidOperationException(
                $"There is no model '{name}' to be replaced. "
                + $"The host has: {string.Join(", ", models.Names.Select(static known => $"'{known}'"))}.");

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
