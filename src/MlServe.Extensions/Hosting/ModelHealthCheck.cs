using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace MlServe.Hosting;

/// <summary>How one model is, whether the host needs it or not.</summary>
internal sealed class ModelHealthCheck(PredictorProvider provider, string name) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (provider.FindKnown(name) is not { } model)
            return Result(context.Registration.FailureStatus, $"There is no model '{name}'.");

        var health = ModelHealth.Of(model, provider.FindKnown);
        if (provider.IsStopping) return Result(context.Registration.FailureStatus, "The host is stopping.", health);
        return health.Problem is null
            ? Result(HealthStatus.Healthy, $"'{model.Name}' is Ready.", health)
            : Result(
                health.Status == HealthStatus.Unhealthy ? context.Registration.FailureStatus : health.Status, $"{health.Problem}.", health);

        static Task<HealthCheckResult> Result(HealthStatus status, string description, ModelHealth? health = null) =>
            Task.FromResult(new HealthCheckResult(
                status, description, health?.Failure,
                health is null ? null : new Dictionary<string, object> { [health.Model] = health.State }));
    }
}
