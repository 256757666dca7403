using Microsoft.Extensions.Diagnostics.HealthChecks;
using MlServe;
using MlServe.Hosting;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds MlServe's health checks.</summary>
public static class MlServingHealthChecksBuilderExtensions
{
    /// <summary>Adds a check of all models together. It is meant for readiness; a process that is not ready needs no restart.</summary>
    /// <remarks>
    /// <para> Unhealthy: a model that the host needs (<see cref="ModelOptions.Required"/>) cannot answer at all, because it is not loaded
    /// and nobody stands in for it. Or the host stops. Degraded: a circuit is not closed, a warm-up failed, or a chain was refused. Or a
    /// model that is not required, or that a reload added, is not loaded. </para> <para>Its data say the state of each model, in one word:
    /// <c>Ready</c>, <c>CircuitOpen</c>, <c>Failed</c> and so on.</para>
    /// </remarks>
    /// <param name="builder">The health checks of the host, which also needs <c>AddMlServing()</c>.</param>
    /// <param name="name">The name of the check.</param>
    /// <param name="failureStatus">The status to report in place of Unhealthy; null: <see cref="HealthStatus.Unhealthy"/>.</param>
    /// <param name="tags">Tags to select checks by.</param>
    /// <returns>The health checks of the host.</returns>
    public static IHealthChecksBuilder AddMlServing(
        this IHealthChecksBuilder builder, string name = "mlserving", HealthStatus? failureStatus = null, IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(name);
        return builder.Add(new(
            name, static services => new MlServingHealthCheck(services.GetRequiredService<PredictorProvider>()), failureStatus, tags));
    }

    /// <summary>
    /// Adds a check of one model, whether the host needs it or not. It is Unhealthy while the model cannot answer at all, and Degraded
    /// while it does not answer as it should. For those who use that model alone, such as an endpoint or a dashboard of its own.
    /// </summary>
    /// <param name="builder">The health checks of the host, which also needs <c>AddMlServing()</c>.</param>
    /// <param name="model">The model. One that is not there yet, because a reload may add it, is Unhealthy until it is.</param>
    /// <param name="name">The name of the check; null: <c>mlserving:</c> and the model's name.</param>
    /// <param name="failureStatus">The status to report in place of Unhealthy; null: <see cref="HealthStatus.Unhealthy"/>.</param>
    /// <param name="tags">Tags to select checks by.</param>
    /// <returns>The health checks of the host.</returns>
    /// <exception cref="ArgumentException"><paramref name="model"/> is empty.</exception>
    public static IHealthChecksBuilder AddMlServingModel(
        this IHealthChecksBuilder builder, string model, string? name = null, HealthStatus? failureStatus = null,
        IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrWhiteSpace(model);
        return builder.Add(new(
            name ?? $"mlserving:{model}", services => new ModelHealthCheck(services.GetRequiredService<PredictorProvider>(), model),
            failureStatus, tags));
    }
}
