using Microsoft.Extensions.Logging;
using MlServe.Configuration;
using MlServe.Threading;

namespace MlServe.Hosting;

/// <summary>The state of a model between its first load and its end. It sees to it that one version is loaded at a time.</summary>
/// <param name="name">Its name.</param>
/// <param name="versions">Its versions.</param>
/// <param name="load">Loads the first version.</param>
/// <param name="published">Called when a version has been published.</param>
/// <param name="host">The parts that it shares with the other models of the host.</param>
#pragma warning disable CA1001 // It ends by CloseAsync; who waits for a semaphore that is disposed of waits for ever.
internal sealed class ModelLifecycle(
#pragma warning restore CA1001
    string name, VersionSet versions, Func<CancellationToken, Task<ServedVersion>> load, Action published, ModelHost host)
{
    private readonly CancellationTokenSource _closing = new();
    private readonly Completion _closed = new();
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _turn = new(1);
    private Task _loading = Task.CompletedTask;
    private ModelState _state;

    public ModelState State
    {
        get
        {
            lock (_lock)
                return _state;
        }
    }

    /// <summary>Cancelled when the model is shut down.</summary>
    public CancellationToken Closing { get; private set; }

    /// <summary>The first load; it has ended if none runs.</summary>
    public Task Loading
    {
        get
        {
            lock (_lock)
                return _loading;
        }
    }

    private ILogger Logger => host.Logger;

    /// <summary>Why nothing is there before the first load.</summary>
    public static PredictionError NotLoadedYet(string name) =>
        NotLoaded(name, "models are loaded when the host starts; without a host, by IPredictorProvider.LoadAsync");

    /// <summary>Loads the model unless it is loaded or being loaded. May be called again after a failure.</summary>
    /// <param name="cancellationToken">Ends the waiting. A load that has begun is the model's, and goes on until it is closed.</param>
    public Task LoadAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return Task.FromCanceled(cancellationToken);
        lock (_lock)
        {
            switch (_state)
            {
                case ModelState.Ready:
                    return Task.CompletedTask;
                case ModelState.Loading:
                    return _loading.WaitAsync(cancellationToken);
                case ModelState.Draining or ModelState.Closed:
                    return Task.FromException(IsShutDown());
                default:
                    _state = ModelState.Loading;
                    Closing = _closing.Token;
                    versions.Refuse(NotLoaded(name, "it is being loaded"));
                    _loading = UrgentTasks.Run(RunLoadAsync);

                    // It may fail when nobody waits for it any more; the log says so.
                    Background.Forget(_loading);
                    return _loading.WaitAsync(cancellationToken);
            }
        }
    }

    /// <summary>Waits until no other version is being loaded or published; to be disposed.</summary>
    /// <exception cref="ObjectDisposedException">The model has been shut down.</exception>
    public async Task<IDisposable> TakeTurnAsync(CancellationToken cancellationToken)
    {
        // Who holds the turn may be one who waits for us, or who never ends: the model's end is not to wait for that.
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, Closing);
        try
        {
            await _turn.WaitAsync(ended.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw IsShutDown();
        }

        var turn = new Turn(_turn);
        if (State == ModelState.Ready) return turn;
        turn.Dispose();
        throw State is ModelState.Draining or ModelState.Closed
            ? IsShutDown()
            : new InvalidOperationException($"Model '{name}' is not loaded. Load it first: IPredictorProvider.LoadAsync, or ReloadAsync.");
    }

    /// <summary>Sends all requests to another version.</summary>
    /// <exception cref="ObjectDisposedException">The model has been shut down.</exception>
    public void Publish(ServedVersion version)
    {
        lock (_lock)
        {
            if (_state != ModelState.Ready) throw IsShutDown();
            versions.Publish(version);
            published();
        }
    }

    /// <summary>Keeps a version beside the live one.</summary>
    /// <exception cref="ObjectDisposedException">The model has been shut down.</exception>
    public void Add(ServedVersion version)
    {
        lock (_lock)
        {
            if (_state != ModelState.Ready) throw IsShutDown();
            versions.Add(version);
        }
    }

    /// <summary>Takes no more requests, waits for those accepted, and closes the model.</summary>
    /// <param name="cancellationToken">Ends the waiting, as the drain timeout does; the model is closed when the last of them has been
    /// answered.</param>
    public Task CloseAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_state is ModelState.Draining or ModelState.Closed) return _closed.Task;
            _state = ModelState.Draining;
            versions.Close(ShutDown());
            foreach (var version in versions.All)
                _ = version.Retire();
            host.Events?.Publish(new ModelDraining(name, versions.Last?.Identity, host.Time.GetUtcNow()));
        }

        using var noContext = Background.SuppressFlow();
        _ = RunCloseAsync(cancellationToken);
        return _closed.Task;
    }

    public ObjectDisposedException IsShutDown() => new(name, $"Model '{name}' has been shut down.");

    private async Task RunLoadAsync()
    {
        // Of its own, so that nothing of the load stays with the other one: cancelling that then takes no other thread, and disposing a
        // model at rest closes it at once.
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
        ServedVersion loaded;
        try
        {
            loaded = await load(ended.Token).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            lock (_lock)
            {
                if (_state == ModelState.Loading)
                {
                    _state = ModelState.Failed;
                    versions.Refuse(NotLoaded(name, LoadEnded(exception), exception));
                }
            }

            if (exception is not OperationCanceledException)
            {
                Logger.LoadFailed(LoadFailures.CauseOf(exception), name, LoadFailures.ReasonOf(exception, name));
                host.Events?.Publish(new ModelLoadFailed(name, exception, host.Time.GetUtcNow()));
            }

            throw;
        }

        lock (_lock)
        {
            versions.Add(loaded);
            if (_state != ModelState.Loading)
            {
                versions.Show(loaded);
                return;
            }

            _state = ModelState.Ready;
            versions.Publish(loaded);
            published();
            host.Events?.Publish(new ModelLoaded(name, loaded.Identity, host.Time.GetUtcNow()));
        }
    }

    private async Task RunCloseAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (versions.Inside is > 0 and var inside) Logger.Draining(name, inside);
            var closed = CloseWhenIdleAsync();
            await ((Task)UrgentTasks.WaitForAsync(
                closed, host.DrainTimeout, host.Time, cancellationToken)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (closed.IsCompleted) await closed.ConfigureAwait(false);
            else Logger.DrainEnded(name, versions.Inside, host.DrainTimeout);
            _closed.Complete();
        }
#pragma warning disable CA1031 // Whoever waits for the end gets it.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _closed.Fail(exception);
        }
    }

    /// <summary>However long it takes: a model that is closed under a request would answer it with an exception.</summary>
    private async Task CloseWhenIdleAsync()
    {
        // At rest nothing listens any more, and the model is closed within this call.
        if (_loading.IsCompleted && _turn.CurrentCount > 0) UrgentTasks.Cancel(_closing);
        else await UrgentTasks.CancelAsync(_closing).ConfigureAwait(false);
        await _loading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _turn.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        _turn.Release();
        var all = versions.All;
        await Task.WhenAll(all.Select(version => version.CloseAsync(Logger))).ConfigureAwait(false);
        foreach (var version in all)
            versions.TryRemove(version);
        if (all.Count > 0) Logger.Closed(name);
        _closing.Dispose();
        lock (_lock)
            _state = ModelState.Closed;
        host.Events?.Publish(new ModelClosed(name, versions.Last?.Identity, host.Time.GetUtcNow()));
    }

    private static string LoadEnded(Exception exception) =>
        exception is OperationCanceledException ? "its load was cancelled" : "its load failed, and the log says why";

    /// <summary>The message may go to callers outside, so the exception's, with its paths, is no part of it.</summary>
    private static PredictionError NotLoaded(string name, string reason, Exception? exception = null) =>
        new(PredictionStatus.NotReady, PredictionErrorCode.NotLoaded, "Model '{0}' is not loaded: {1}.", name, reason)
        {
            Exception = exception,
        };

    private PredictionError ShutDown() => new(
        PredictionStatus.NotReady, PredictionErrorCode.Draining, "Model '{0}' is being shut down with its host and takes no more requests.",
        name)
    {
        Model = versions.Last?.Identity,
    };

    private sealed class Turn(SemaphoreSlim turn) : IDisposable
    {
        private int _isOver;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isOver, 1) == 0) turn.Release();
        }
    }
}
