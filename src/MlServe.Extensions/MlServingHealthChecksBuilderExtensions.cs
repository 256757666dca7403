using Microsoft.Extensions.Diagnostics.HealthChecks;
using MlServe.Hosting;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds MlServe's health check.</summary>
public static class MlServingHealthChecksBuilderExtensions
{
    /// <summary>
    /// Adds a check that is healthy while every model is loaded and warm: not before, not while the host stops, and not while a model that a reload
    /// added cannot be loaded. Its data say for each model where it stands. It is meant for readiness; a process that is not ready needs no restart.
    /// </summary>
    /// <param name="builder">The health checks of the host, which also needs <c>AddMlServing()</c>.</param>
    /// <param name="name">The name of the check.</param>
    /// <param name="failureStatus">The status to report when it fails; null: <see cref="HealthStatus.Unhealthy"/>.</param>
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
}
