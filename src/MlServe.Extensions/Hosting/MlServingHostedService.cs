using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;
using MlServe.Configuration;
using MlServe.Guests;

namespace MlServe.Hosting;

/// <summary>
/// Loads the models before the host starts anything else, and closes them after it has stopped everything else. So requests that other
/// services have accepted, a web server's for one, are answered to the last.
/// </summary>
internal sealed class MlServingHostedService(
    PredictorProvider provider, ModelCatalog catalog, IHostApplicationLifetime? lifetime = null, ILoggerFactory? loggers = null)
    : IHostedLifecycleService, IDisposable
{
    private readonly ILogger _logger = LogMessages.Create(loggers);
    private readonly List<IDisposable> _watches = [];
    private bool _isStartedEarly;

    public Task StartingAsync(CancellationToken cancellationToken)
    {
        _isStartedEarly = true;
        return LoadAsync(cancellationToken);
    }

    /// <summary>Hosts of before .NET 8, <c>WebHostBuilder</c> among them, call nothing else.</summary>
    public Task StartAsync(CancellationToken cancellationToken) => _isStartedEarly ? Task.CompletedTask : LoadAsync(cancellationToken);

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        BeginStopping();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        if (_isStartedEarly) return Task.CompletedTask;
        BeginStopping();
        return provider.CloseAsync(cancellationToken);
    }

    public Task StoppedAsync(CancellationToken cancellationToken) => provider.CloseAsync(cancellationToken);

    public void Dispose()
    {
        foreach (var watch in _watches)
            Try(watch.Dispose);
    }

    private void Watch(Func<IDisposable> watch) => Try(() => _watches.Add(watch()));

    private void Try(Action action)
    {
        try
        {
            action();
        }
#pragma warning disable CA1031 // Configuration and host are others' code: neither is to fail a start or a stop of models that are loaded.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Guards.Report(Guest.Host, exception, _logger);
        }
    }

    private async Task LoadAsync(CancellationToken cancellationToken)
    {
        await provider.LoadAsync(cancellationToken).ConfigureAwait(false);
        foreach (var section in catalog.Sections)
            Watch(() => ChangeToken.OnChange(() => new UnattachedChangeToken(section.GetReloadToken()), Reload));

        // Services stop in reverse order: one that was registered later and takes its time must not keep the health check green.
        if (lifetime is null) return;
        Watch(() => lifetime.ApplicationStopping.UnsafeRegister(
            static provider => ((PredictorProvider)provider!).BeginStopping(), provider));
    }

    private void BeginStopping()
    {
        Dispose();
        provider.BeginStopping();
    }

    private void Reload()
    {
        try
        {
            provider.Reload();
        }
#pragma warning disable CA1031 // It runs in whatever thread reloads the configuration, whose other listeners must not suffer.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _logger.ReloadFailed(exception);
        }
    }

    /// <summary>A change token whose callback does not keep the context of the code that reloads: each later reload would see it.</summary>
    private sealed class UnattachedChangeToken(IChangeToken token) : IChangeToken
    {
        public bool HasChanged => token.HasChanged;

        public bool ActiveChangeCallbacks => token.ActiveChangeCallbacks;

        public IDisposable RegisterChangeCallback(Action<object?> callback, object? state)
        {
            using var noContext = Background.SuppressFlow();
            return token.RegisterChangeCallback(callback, state);
        }
    }
}
