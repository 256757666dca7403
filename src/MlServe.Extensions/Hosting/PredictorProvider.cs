using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using MlServe.Configuration;
using MlServe.Guests;
using MlServe.Threading;

namespace MlServe.Hosting;

/// <summary>Holds the models of a host: one for each name, made when it is first asked for, closed with the provider.</summary>
internal sealed class PredictorProvider(
    ModelCatalog catalog, ModelLoader loader, SettingsReader settings, IOptions<MlServingOptions> options,
    IOptionsMonitor<ModelOptions> models, ReloadCheck check, IEnumerable<IModelVersionCheck> checks, TimeProvider time,
    IServiceProvider services, ILoggerFactory? loggers = null)
    : IPredictorProvider, IPredictorDirectory, IDisposable, IAsyncDisposable
{
    private readonly ILogger _logger = LogMessages.Create(loggers);
    private readonly TimeProvider _clock = Guards.ClockOf(time);
    private readonly MlServingOptions _options = options.Value;
    private readonly ConcurrentDictionary<string, ModelEntry> _models = new(ModelName.Comparer);
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _ending = new();
    private bool _isStarted;
    private bool _isStopping;
    private bool _isDisposed;
    private LoadRetries? _retries;
    private IDisposable? _optionsWatch;

    /// <summary>Those that are served and no longer in the configuration, too: it may be a file that is half written.</summary>
    public IReadOnlyCollection<string> Names => Known();

    /// <summary>Whether the host has begun to stop, though models still answer.</summary>
    public bool IsStopping => Volatile.Read(ref _isStopping);

    public IPredictor GetPredictor(string name) => GetModel(name).Predictor;

    public bool TryGetPredictor(string name, [NotNullWhen(true)] out IPredictor? predictor)
    {
        predictor = FindModel(name)?.Predictor;
        return predictor is not null;
    }

    /// <summary>The predictor that is meant if no name is given.</summary>
    /// <exception cref="InvalidOperationException">No model, or no single one, is meant.</exception>
    public IPredictor GetDefaultPredictor() => GetPredictor(DefaultOf(Known(), nameof(IPredictor)));

    /// <summary>The predictor without a name; null, and a log entry, if there is no model at all.</summary>
    /// <exception cref="InvalidOperationException">No single model is meant.</exception>
    public IPredictor? FindDefaultPredictor()
    {
        if (Known().Count > 0) return GetDefaultPredictor();
        _logger.NoSuchModel(catalog.Known([]));
        return null;
    }

    /// <summary>A model by its name; null, and a log entry that names those that are, if there is no such model.</summary>
    public ModelEntry? FindOrTell(string name)
    {
        var model = FindModel(name);
        if (model is null) _logger.NoSuchModel(catalog.NoSuchModel(name, Known()));
        return model;
    }

    /// <summary>Says which typed doors there are.</summary>
    public InvalidOperationException NoSuchDoor(Type service) => new(catalog.NoSuchDoor(service));

    /// <summary>The name of the model that a typed door without a name leads to.</summary>
    /// <exception cref="InvalidOperationException">Several models have such a door, and none of them is the default.</exception>
    public string ModelOfDoor(Type service) => DefaultOf(catalog.ModelsWithDoor(service), TypeText.Of(service));

    public ModelEntry GetModel(string name) =>
        FindModel(name) ?? throw new KeyNotFoundException(catalog.NoSuchModel(name, Known()));

    public async Task LoadAsync(CancellationToken cancellationToken = default)
    {
        HostRuntime.Configure(_options.Runtime, catalog.Key);
        var names = catalog.Names;
        var failures = new ConcurrentQueue<Exception>();
        var problems = new List<string>();
        await Task.WhenAll(LoadOrder.LargestFirst(names, models).Select(async name =>
        {
            try
            {
                await GetModel(name).Life.LoadAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested && !IsRequired(name))
            {
                // The model itself has logged it.
                if (MayHeal(exception)) Retries.Begin(GetModel(name));
            }
            catch (Exception exception) when (exception is ModelLoadException or OptionsValidationException)
            {
                failures.Enqueue(exception);
            }
        })).ConfigureAwait(false);

        // What is wrong between models that were loaded is told with it: the next start is to be the last one.
        foreach (var model in names.Select(GetModel))
            problems.AddRange(FallbackCheck.ProblemsOf(model, FindModel));
        if (failures.Count == 1 && problems.Count == 0) ExceptionDispatchInfo.Throw(failures.First());
        if (!failures.IsEmpty || problems.Count > 0) throw LoadFailures.Together(failures, problems);
        Volatile.Write(ref _isStarted, true);
        WatchOptions();
    }

    /// <summary>
    /// Loads models that a reload of the configuration has added, tries again those that failed, and loads those anew whose options have
    /// changed.
    /// </summary>
    public void Reload()
    {
        var names = catalog.Names.ToHashSet(ModelName.Comparer);

        // All of them first: the chain of one is held against those of the others.
        foreach (var name in names)
        {
            if (!_models.TryGetValue(name, out var known) || known.State == ModelState.Failed) settings.Forget(name);
        }

        foreach (var name in names.Union(_models.Keys, ModelName.Comparer))
        {
            try
            {
                // One that is made now is loaded by that.
                if (_models.TryGetValue(name, out var known)) Reload(known, names.Contains(name));
                else _ = GetModel(name);
            }
            // Configuration and options have code of others in them, and the other models are to be brought in line as well.
#pragma warning disable CA1031
            catch (Exception exception)
#pragma warning restore CA1031
            {
                _logger.ReloadFailed(exception);
            }
        }

        check.Begin(name => _models.GetValueOrDefault(name), _ending.Token);
    }

    /// <summary>Options that are bound by the application itself may change as well.</summary>
    private void WatchOptions()
    {
        lock (_lock)
        {
            if (!_isDisposed) _optionsWatch ??= models.OnChange((_, name) => OptionsChanged(name));
        }
    }

    private void OptionsChanged(string? name)
    {
        if (name is not null && !_ending.IsCancellationRequested && _models.TryGetValue(name, out var model)
            && model.State == ModelState.Ready)
            ReloadInBackground(model);
    }

    private List<string> Known()
    {
        List<string> names = [.. catalog.Names];
        names.AddRange(_models.Values.Where(model => IsKept(model) && !names.Contains(model.Name, ModelName.Comparer))
            .Select(static model => model.Name));
        return names;
    }

    /// <summary>
    /// A model that has gone from the configuration stays while it is served. If all of it has gone, nothing is known of any.
    /// </summary>
    private bool IsKept(ModelEntry model) => model.NotLoadedYet is null || model.State == ModelState.Loading || !catalog.Exists;

    private void Reload(ModelEntry model, bool isThere)
    {
        if (isThere && model.State == ModelState.Failed)
        {
            LoadInBackground(model);
        }
        else if (model.NoticesChange(catalog.SnapshotOf(model.Name)))
        {
            if (isThere) ReloadInBackground(model);
            else _logger.RemovalNeedsRestart(model.Name);
        }
    }

    /// <summary>Tells health checks that the host stops.</summary>
    public void BeginStopping()
    {
        Volatile.Write(ref _isStopping, true);
        UrgentTasks.Cancel(_ending);
    }

    /// <summary>Whether the host needs a model; yes if its options are not valid.</summary>
    public bool IsRequired(string name)
    {
        try
        {
            return models.Get(name).Required;
        }
#pragma warning disable CA1031 // Options are made by code of the application's too.
        catch (Exception)
#pragma warning restore CA1031
        {
            return true;
        }
    }

    /// <summary>A model that there is, or null; also when the provider has been disposed.</summary>
    public ModelEntry? FindKnown(string name)
    {
        if (_models.TryGetValue(name, out var model)) return model;
        return Volatile.Read(ref _isDisposed) ? null : FindModel(name);
    }

    /// <summary>Takes no more requests, waits for those accepted, and closes all models.</summary>
    public Task CloseAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
            _isStopping = true;
        UrgentTasks.Cancel(_ending);
        return Task.WhenAll(_models.Values.Select(model => model.CloseAsync(cancellationToken)));
    }

    /// <summary>All models and their states.</summary>
    public IEnumerable<ModelEntry> Models() => Known().Select(GetModel);

    public void Dispose()
    {
        End();
        foreach (var model in _models.Values)
            model.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        End();
        foreach (var model in _models.Values)
            await model.DisposeAsync().ConfigureAwait(false);
    }

    private void End()
    {
        lock (_lock)
            _isDisposed = true;
        UrgentTasks.Cancel(_ending);
        _optionsWatch?.Dispose();
    }

    IPredictor? IPredictorDirectory.Find(string name) => Volatile.Read(ref _isDisposed) ? null : FindModel(name)?.Below;

    private ModelEntry? FindModel(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        ObjectDisposedException.ThrowIf(_isDisposed, typeof(IPredictorProvider));
        if (_models.TryGetValue(name, out var model)) return model;
        if (catalog.Names.FirstOrDefault(known => ModelName.Comparer.Equals(known, name)) is not { } declared) return null;

        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, typeof(IPredictorProvider));
            if (_models.TryGetValue(declared, out model)) return model;
            // Added by a reload. Somebody may have asked for its options when it was not there, and the answer was kept.
            if (_isStarted) settings.Forget(declared);
            var context = PipelineContext.From(services) with { Identity = new(declared), Models = this };
            model = new(
                declared, new(loader, settings, _options.DrainTimeout, _clock, _logger, context.Events, FindKnown, [.. checks]), context,
                isAdded: _isStarted);
            _models[declared] = model;
            if (_isStarted && !_isStopping) LoadInBackground(model);
            return model;
        }
    }

    /// <summary>
    /// Loads another version of a model whose options are others than those of the live one. It tells its own failures itself.
    /// </summary>
    private static void ReloadInBackground(ModelEntry model)
    {
        using var noContext = Background.SuppressFlow();
        Background.Forget(model.Changes.ReloadAsync(onlyIfChanged: true, CancellationToken.None));
    }

    private void LoadInBackground(ModelEntry model)
    {
        using var noContext = Background.SuppressFlow();
        _ = LoadAndCheckAsync(model);
    }

    private async Task LoadAndCheckAsync(ModelEntry model)
    {
        // The model itself logs its failure and tells its callers.
        var load = model.Life.LoadAsync(CancellationToken.None);
        await load.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!load.IsCompletedSuccessfully)
        {
            if (load.Exception?.InnerException is { } failure && MayHeal(failure)) Retries.Begin(model);
            return;
        }

        try
        {
            CheckFallbacks(model);
        }
#pragma warning disable CA1031 // A layer of the application's was asked; nobody waits here.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _logger.ReloadFailed(exception);
        }
    }

    /// <summary>Faults in the configuration itself wait for the next reload.</summary>
    private static bool MayHeal(Exception failure) =>
        failure is not (OptionsValidationException or ModelLoadException { Failure: ModelLoadFailure.InvalidOptions });

    private LoadRetries Retries => LazyInitializer.EnsureInitialized(
        ref _retries, () => new(_clock, LoadAndCheckAsync, (model, delay) => _logger.TriedAgain(model.Name, delay), _ending.Token));

    /// <summary>
    /// Takes out of service a chain whose fault would end a start: one to which a model that has just been loaded belongs, as its end or on
    /// the way.
    /// </summary>
    private void CheckFallbacks(ModelEntry loaded)
    {
        foreach (var model in _models.Values)
        {
            if (model.Fallback is not { } fallback) continue;
            if (model != loaded && !fallback.Steps.Any(step => ModelName.Comparer.Equals(step.Model, loaded.Name)))
                continue;
            var problems = FallbackCheck.ProblemsOf(model, name => _models.GetValueOrDefault(name)).ToList();
            if (problems.Count > 0) model.RefuseFallback(string.Join(" ", problems));
        }
    }

    private string DefaultOf(IReadOnlyList<string> candidates, string service)
    {
        if (candidates.Count == 1) return candidates[0];
        var marked = candidates.Where(name => models.Get(name).IsDefault).ToList();
        return marked.Count == 1
            ? marked[0]
            : throw new InvalidOperationException(
                $"{service} was asked for without a name, and no single model is meant. {catalog.Known(Known())} Ask for one with "
                + "[FromKeyedServices(\"name\")], or mark one with AsDefault().");
    }
}
