using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace MlServe.Hosting;

/// <summary>
/// Healthy while all models answer as they should. Unhealthy only if a model that the host needs cannot answer at all, or the host stops.
/// All else is degraded. A model that is not required, or that a reload has added, is no reason to take the service away from users of the
/// others.
/// </summary>
internal sealed class MlServingHealthCheck(PredictorProvider provider) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        var models = provider.Models()
            .Select(model =>
                (Health: ModelHealth.Of(model, provider.FindKnown), IsNeeded: !model.IsAdded && provider.IsRequired(model.Name))).ToList();
        var data = models.ToDictionary(static model => model.Health.Model, static model => (object)model.Health.State);
        var failing = models.Where(static model => model.Health.Status == HealthStatus.Unhealthy && model.IsNeeded)
            .Select(static model => model.Health).ToList();
        var wrong = models.Where(static model => model.Health.Problem is not null).Select(static model => model.Health).ToList();
        if (provider.IsStopping) return Result(context.Registration.FailureStatus, "The host is stopping.");
        if (wrong.Count == 0) return Result(HealthStatus.Healthy, "All models are loaded.");

        var summary = wrong.Exists(static health => health.Status == HealthStatus.Unhealthy)
            ? "Not all models are loaded"
            : "All models answer, and not all as they should";
        return Result(
            failing.Count > 0 ? context.Registration.FailureStatus : HealthStatus.Degraded,
            $"{summary}: {string.Join(", ", wrong.Select(static health => health.Problem))}.");

        Task<HealthCheckResult> Result(HealthStatus status, string description) => Task.FromResult(new HealthCheckResult(
            status, description,
            failing.Concat(wrong).Select(static health => health.Failure).FirstOrDefault(static failure => failure is not null), data));
    }
}
