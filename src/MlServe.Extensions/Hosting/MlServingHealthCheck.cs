using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace MlServe.Hosting;

/// <summary>Healthy while every model is loaded and warm and the host does not stop.</summary>
internal sealed class MlServingHealthCheck(PredictorProvider provider) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        var models = provider.Models().Select(static model => (model.Name, model.State, model.Failure)).ToList();
        var data = models.ToDictionary(static model => model.Name, static model => (object)model.State.ToString());
        var waiting = models.Where(static model => model.State != ModelState.Ready).Select(static model => $"'{model.Name}' is {model.State}").ToList();
        if (provider.IsStopping) return Unhealthy("The host is stopping.");
        return waiting.Count == 0
            ? Task.FromResult(HealthCheckResult.Healthy("All models are loaded.", data))
            : Unhealthy($"Not all models are loaded: {string.Join(", ", waiting)}.");

        Task<HealthCheckResult> Unhealthy(string description) => Task.FromResult(new HealthCheckResult(
            context.Registration.FailureStatus, description, models.Select(static model => model.Failure).FirstOrDefault(static f => f is not null), data));
    }
}
