namespace MlServe.Samples.MinimalApi;

/// <summary>
/// Goes on serving for a while after the readiness check has begun to fail, so that no load balancer sends requests to a closed door. The
/// setting <c>DrainDelay</c> says how long; it must end within the host's shutdown timeout.
/// </summary>
internal sealed class DrainDelay(IConfiguration configuration) : IHostedLifecycleService
{
    public Task StoppingAsync(CancellationToken cancellationToken) =>
        Task.Delay(configuration.GetValue("DrainDelay", TimeSpan.Zero), cancellationToken);

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
