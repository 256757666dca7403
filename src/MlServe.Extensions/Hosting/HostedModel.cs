using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using MlServe.Guests;
using MlServe.Resilience;
using MlServe.Threading;

namespace MlServe.Hosting;

/// <summary>
/// One model of a host from its first mention to its end. It stands at the inner end of the layers that are there before the model is: they are
/// built once, and what they enclose is loaded and closed behind them.
/// </summary>
internal sealed class HostedModel : IPredictor, IKeepsDeadlines
{
    private readonly ModelLoader _loader;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ModelEvents? _events;
    private readonly TimeSpan _drainTimeout;
    private readonly EntranceStage _entrance;
    private readonly CancellationTokenSource _closing = new();
    private readonly UrgentCompletion _closed = new();
    private readonly Lock _lock = new();
    private readonly Lazy<IPredictor> _below;
    private readonly Pipeline _outer;
    private readonly Func<string, IReadOnlyList<FallbackStep>> _stepsOf;
    private volatile LoadedModel? _loaded;
    private volatile IPredictor? _pipeline;
    private Task _loading = Task.CompletedTask;
    private ModelState _state;
    private string? _lastSnapshot;
    private ModelIdentity? _identity;

    /// <param name="name">The name of the model.</param>
    /// <param name="loader">Loads it.</param>
    /// <param name="drainTimeout">How long to wait for accepted requests at the end.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where to log.</param>
    /// <param name="services">Where outer layers find what they need.</param>
    /// <param name="targets">Finds the models that stand in for this one.</param>
    /// <param name="stepsOf">Tells who answers in a model's place, or throws <see cref="OptionsValidationException"/> where its options are not valid (yet).</param>
    /// <param name="isAdded">Whether a reload has added it.</param>
    public HostedModel(
        string name, ModelLoader loader, TimeSpan drainTimeout, TimeProvider time, ILogger logger, IServiceProvider services, IFallbackTargets targets,
        Func<string, IReadOnlyList<FallbackStep>> stepsOf, bool isAdded)
    {
        Name = name;
        IsAdded = isAdded;
        _loader = loader;
        _drainTimeout = drainTimeout;
        _time = time;
        _logger = logger;
        _stepsOf = stepsOf;
        _events = services.Find<ModelEvents>();
        var steps = TryFindSteps();
        _entrance = new(NotLoaded("models are loaded when the host starts; without a host, by IPredictorProvider.LoadAsync"));
        _below = new(() =>
        {
            var below = (Pipeline)AddGuards(new PredictorBuilder(this)).Build(services);
            below.IsHeld = true;
            return below;
        });
        Fallback = steps is { Count: 0 }
            ? null
            : PredictorBuilderResilienceExtensions.CreateFallback(new PredictorBuilder(this).Use((_, _) => _entrance).Build(services), Name, steps ?? [], targets, services);
        _outer = (Pipeline)AddGuards(CallerPredictor.AddTo(new(_ => this), Name, services).UseTelemetry(Name)).Build(services);
        _outer.IsHeld = true;
    }

    public string Name { get; }

    /// <summary>Whether a reload has added it to a host that had started without it.</summary>
    public bool IsAdded { get; }

    /// <summary>Why the model is served without its fallback chain; null where it is not.</summary>
    public string? FallbackProblems { get; private set; }

    /// <summary>What the application is given. Disposing it does nothing: the provider closes the model.</summary>
    public IPredictor Predictor => _outer;

    /// <summary>
    /// The model as another one's fallback chain enters it: below telemetry, since the caller is counted already, with its own chain and the guard of its life. Not to be
    /// disposed.
    /// </summary>
    public IPredictor Below => _below.Value;

    /// <summary>Who answers in the model's place; null: nobody.</summary>
    public FallbackChain? Fallback { get; }

    public ModelState State
    {
        get
        {
            lock (_lock)
                return _state;
        }
    }

    /// <summary>What went wrong where the state is <see cref="ModelState.Failed"/>.</summary>
    public Exception? Failure => _entrance.Refusal?.Exception;

    /// <summary>Why there is no signature yet; null from the end of the first load on.</summary>
    public PredictionError? NotLoadedYet => _loaded is null ? _entrance.Refusal : null;

    public ModelSignature Signature => _loaded?.Signature ?? ModelSignature.Unknown;

    public ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default) =>
        _pipeline!.PredictAsync(inputs, options, cancellationToken);

    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is null && serviceType == typeof(HostedModel)) return this;
        if (_loaded is not { } loaded) return null;
        return serviceKey is null && serviceType == typeof(ServiceLevel) ? loaded.ServiceLevel : loaded.Pipeline.GetService(serviceType, serviceKey);
    }

    /// <summary>Whether configuration says something new of the model and other than when it was loaded. Tells so once: reloads come in flurries.</summary>
    public bool NoticesChange(string snapshot)
    {
        lock (_lock)
        {
            if (_loaded is not { } loaded || snapshot == (_lastSnapshot ?? loaded.Snapshot)) return false;
            _lastSnapshot = snapshot;
            return snapshot != loaded.Snapshot;
        }
    }

    /// <summary>Whether it was loaded with what configuration says of it.</summary>
    public bool IsLoadedWith(string snapshot) => _loaded?.Snapshot == snapshot;

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
                    return Task.FromException(new ObjectDisposedException(Name, $"Model '{Name}' has been shut down."));
                default:
                    _state = ModelState.Loading;
                    _entrance.Refuse(NotLoaded("it is being loaded"));
                    _loading = UrgentTask.Run(RunLoadAsync);

                    // It may fail when nobody waits for it any more; the log says so.
                    Background.Forget(_loading);
                    return _loading.WaitAsync(cancellationToken);
            }
        }
    }

    /// <summary>Takes no more requests, waits for those accepted, and closes the model.</summary>
    /// <param name="cancellationToken">Ends the waiting, as the drain timeout does; the model is closed when the last of them has been answered.</param>
    public Task CloseAsync(CancellationToken cancellationToken)
    {
        Task idle;
        lock (_lock)
        {
            if (_state is ModelState.Draining or ModelState.Closed) return _closed.Task;
            _state = ModelState.Draining;
            idle = _entrance.Close(ShutDown());
            _events?.Publish(new ModelDraining(Name, _identity, _time.GetUtcNow()));
        }

        using var noContext = Background.SuppressFlow();
        _ = RunCloseAsync(idle, cancellationToken);
        return _closed.Task;
    }

    /// <summary>Gives up what the application was given, for the provider's end.</summary>
    public Pipeline Release()
    {
        _outer.IsHeld = false;
        return _outer;
    }

    /// <summary>Takes no more requests, and closes the model at once where none is in flight, else when the last of them has been answered.</summary>
    public void Dispose() => _ = CloseAsync(CancellationToken.None);

    public ValueTask DisposeAsync() => new(CloseAsync(CancellationToken.None));

    /// <summary>Serves the model without its fallback chain, which cannot work.</summary>
    public void RefuseFallback(string problems)
    {
        Fallback!.SetSteps([]);
        FallbackProblems = problems;
        _logger.FallbackRefused(Name, problems);
    }

    /// <summary>The layers that stand before the model is loaded: those who answer in its place, and the entrance.</summary>
    private PredictorBuilder AddGuards(PredictorBuilder builder) => Fallback is { } fallback
        ? builder.UseFallback((_, _) => fallback, (inner, services) => PredictorBuilderResilienceExtensions.CreateFallbackTwin(inner, Name, fallback.Steps, services))
            .Use((_, _) => _entrance, static (_, _) => EntranceStage.Opened())
        : builder.Use((_, _) => _entrance, static (_, _) => EntranceStage.Opened());

    private IReadOnlyList<FallbackStep>? TryFindSteps()
    {
        try
        {
            return _stepsOf(Name);
        }
#pragma warning disable CA1031 // Options are made by code of the application's too. The load says what is wrong with them.
        catch (Exception)
#pragma warning restore CA1031
        {
            return null;
        }
    }

    /// <summary>Options may be others than when the model was first asked for.</summary>
    private void ReadSteps()
    {
        IReadOnlyList<FallbackStep> steps = [];
        try
        {
            steps = _stepsOf(Name);
        }
        finally
        {
            Fallback?.SetSteps(steps);
        }

        if (Fallback is null && steps.Count > 0) _logger.ChangeNeedsRestart(Name);
    }

    private async Task RunLoadAsync()
    {
        // Of its own, so that nothing of the load stays with the other one: cancelling that then takes no other thread, and disposing a model at rest closes it at once.
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
        LoadedModel? loaded = null;
        try
        {
            ReadSteps();
            loaded = await _loader.LoadAsync(Name, Predictor.GetService<Pipeline>()!.Twins, ended.Token).ConfigureAwait(false);
            _identity = loaded.Pipeline.GetService<ModelIdentity>();
            PipelineWarmUp.Prepare(PredictAsync);
            foreach (var value in Fallback?.Steps.OfType<ValueStep>() ?? [])
                value.TakeTypesOf(loaded.Signature);
        }
        catch (Exception exception)
        {
            loaded?.Pipeline.Dispose();
            lock (_lock)
            {
                if (_state == ModelState.Loading)
                {
                    _state = ModelState.Failed;
                    _entrance.Refuse(NotLoaded(LoadEnded(exception), exception));
                }
            }

            if (exception is not OperationCanceledException)
            {
                _logger.LoadFailed(exception, Name);
                _events?.Publish(new ModelLoadFailed(Name, exception, _time.GetUtcNow()));
            }

            throw;
        }

        lock (_lock)
        {
            _loaded = loaded;
            _pipeline = loaded.Pipeline;
            Fallback?.TellBreaker();
            if (_state == ModelState.Loading)
            {
                _state = ModelState.Ready;
                _entrance.Open();
                _events?.Publish(new ModelLoaded(Name, _identity, _time.GetUtcNow()));
            }
        }
    }

    private async Task RunCloseAsync(Task idle, CancellationToken cancellationToken)
    {
        try
        {
            if (!idle.IsCompleted) _logger.Draining(Name, _entrance.Inside);
            var closed = CloseWhenIdleAsync(idle);
            await ((Task)UrgentDelay.WaitForAsync(closed, _drainTimeout, _time, cancellationToken)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (closed.IsCompleted) await closed.ConfigureAwait(false);
            else _logger.DrainEnded(Name, _entrance.Inside, _drainTimeout);
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
    private async Task CloseWhenIdleAsync(Task idle)
    {
        // At rest nothing listens any more, and the model is closed within this call.
        if (_loading.IsCompleted) _closing.CancelQuietly();
        else await UrgentCancel.CancelAsync(_closing).ConfigureAwait(false);
        await _loading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await idle.ConfigureAwait(false);
        if (_loaded is { } loaded)
        {
            await ClosePipelineAsync(loaded).ConfigureAwait(false);
            _logger.Closed(Name);
        }

        _closing.Dispose();
        lock (_lock)
            _state = ModelState.Closed;
        _events?.Publish(new ModelClosed(Name, _identity, _time.GetUtcNow()));
    }

    private async Task ClosePipelineAsync(LoadedModel loaded)
    {
        try
        {
            await loaded.Pipeline.DisposeAsync().ConfigureAwait(false);
        }
#pragma warning disable CA1031 // A layer of the application's; the pipeline has disposed all others, and the host stops.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _logger.LayerNotClosed(exception, Name);
        }
    }

    private static string LoadEnded(Exception exception) =>
        exception is OperationCanceledException ? "its load was cancelled" : "its load failed, and the log says why";

    /// <summary>The message may go to whoever asks from outside, so the exception's, with its paths, is no part of it.</summary>
    private PredictionError NotLoaded(string reason, Exception? exception = null) =>
        new(PredictionStatus.NotReady, PredictionErrorCode.NotLoaded, "Model '{0}' is not loaded: {1}.", Name, reason) { Exception = exception };

    private PredictionError ShutDown() => new(
        PredictionStatus.NotReady, PredictionErrorCode.Draining,
            "Model '{0}' is being shut down with its host and takes no more requests.", Name)
    {
        Model = _identity,
    };
}
