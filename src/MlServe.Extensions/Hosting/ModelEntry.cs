using MlServe.Configuration;
using MlServe.Resilience;

namespace MlServe.Hosting;

/// <summary>
/// One model of a host by its name: the predictor that the application is given, and the layers that are there before any version is. They
/// are built once; versions are loaded and closed behind them.
/// </summary>
internal sealed class ModelEntry : IDisposable, IAsyncDisposable
{
    private readonly ModelHost _host;
    private readonly Lock _lock = new();
    private readonly Lazy<PipelineOwner> _below;
    private readonly PipelineOwner _outer;
    private string? _lastSnapshot;
    private bool _isTriedBefore;

    /// <param name="name">The name of the model.</param>
    /// <param name="host">The parts that it shares with the other models.</param>
    /// <param name="context">The context that the layers are built with; it finds the models that stand in for this one.</param>
    /// <param name="isAdded">Whether a reload has added it.</param>
    public ModelEntry(string name, ModelHost host, PipelineContext context, bool isAdded)
    {
        Name = name;
        IsAdded = isAdded;
        _host = host;
        Versions = new(ModelLifecycle.NotLoadedYet(name)) { Owner = new ModelVersions(this, host) };
        Life = new(name, Versions, LoadFirstAsync, () => Fallback?.TellBreaker(), host);
        var steps = TryFindSteps();
        Fallback = steps is { Count: 0 }
            ? null
            : FallbackChain.Create(new PredictorBuilder(Versions).UseStage(EntranceOf).Build(context), steps ?? [], context);
        _outer = AddGuards(new PredictorBuilder(Versions).Use(CallerPredictor.Around).UseTelemetry(Name)).BuildOwned(context);
        _below = new(() => AddGuards(new PredictorBuilder(Versions)).BuildOwned(context));
    }

    public string Name { get; }

    /// <summary>Its key in configuration, by which messages name it.</summary>
    public string Key => _host.Settings.KeyOf(Name);

    /// <summary>Whether a reload has added it to a host that had started without it.</summary>
    public bool IsAdded { get; }

    public VersionSet Versions { get; }

    public ModelLifecycle Life { get; }

    /// <summary>How versions are changed.</summary>
    public ModelVersions Changes => (ModelVersions)Versions.Owner!;

    /// <summary>Why the model is served without its fallback chain; null if it has it.</summary>
    public string? FallbackProblems { get; private set; }

    /// <summary>The predictor that the application is given. Disposing it does nothing: the provider closes the model.</summary>
    public IPredictor Predictor => _outer.Predictor;

    /// <summary>
    /// The model as another one's fallback chain enters it. It is below telemetry, since the caller is counted already, with its own chain
    /// and the guard of its life. Not to be disposed.
    /// </summary>
    public IPredictor Below => _below.Value.Predictor;

    /// <summary>The chain that answers in the model's place; null: there is none.</summary>
    public FallbackChain? Fallback { get; }

    public ModelState State => Life.State;

    /// <summary>The failure, if the state is <see cref="ModelState.Failed"/>.</summary>
    public Exception? Failure => Versions.Refusal?.Exception;

    /// <summary>Why there is no signature yet; null from the end of the first load on.</summary>
    public PredictionError? NotLoadedYet => Versions.Last is null ? Versions.Refusal : null;

    /// <summary>Whether the last try to load another version has failed, so that it may be worth another one.</summary>
    public bool LastReloadFailed { get; set; }

    /// <summary>Why the present options could not be loaded; null: they were loaded, or nobody tried.</summary>
    public ModelLoadException? LoadFailure { get; set; }

    /// <summary>Completes when the loads are over that are under way now, well or not.</summary>
    public async Task WhenSettledAsync()
    {
        await Life.Loading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Changes.Reloading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>
    /// Whether configuration says something else of the model than it did at the last look, or than the live version is loaded with in
    /// vain.
    /// </summary>
    public bool NoticesChange(string snapshot)
    {
        lock (_lock)
        {
            var live = Versions.Last?.Settings.Snapshot;
            if (live is null && State != ModelState.Loading) return false;
            var isNew = snapshot != (_lastSnapshot ?? live) || (LastReloadFailed && snapshot != live);
            _lastSnapshot = snapshot;
            return isNew;
        }
    }

    /// <summary>Whether it was loaded with what configuration says of it.</summary>
    public bool IsLoadedWith(string snapshot) => Versions.Last?.Settings.Snapshot == snapshot;

    /// <summary>Gets the name's layers ready for a version that is about to be published.</summary>
    public void Prepare(ServedVersion version)
    {
        var steps = version.Settings.Steps;
        if (Fallback is null && steps.Count > 0) _host.Logger.ChangeNeedsRestart(Name);
        Fallback?.SetSteps(steps, version.Signature);
        FallbackProblems = null;
    }

    /// <summary>Gives up what the application was given, for the provider's end.</summary>
    public void Dispose()
    {
        try
        {
            _outer.Dispose();
        }
        finally
        {
            _ = Life.CloseAsync(CancellationToken.None);
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await _outer.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            await Life.CloseAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    public Task CloseAsync(CancellationToken cancellationToken) => Life.CloseAsync(cancellationToken);

    /// <summary>Serves the model without its fallback chain, which cannot work.</summary>
    public void RefuseFallback(string problems)
    {
        Fallback!.SetSteps([]);
        FallbackProblems = problems;
        _host.Logger.FallbackRefused(Name, problems);
    }

    /// <summary>The layers that stand before the model is loaded: those who answer in its place, and the entrance.</summary>
    private PredictorBuilder AddGuards(PredictorBuilder builder) => Fallback is { } fallback
        ? builder.UseFallback(fallback).UseStage(EntranceOf)
        : builder.UseStage(EntranceOf);

    private ReadinessStage EntranceOf(IPredictor inner, PipelineContext context) =>
        context.IsWarmUp ? ReadinessStage.Opened(inner) : new(Versions);

    private IReadOnlyList<FallbackStep>? TryFindSteps()
    {
        try
        {
            return _host.Settings.InForce(Name).Steps;
        }
#pragma warning disable CA1031 // Options are made by code of the application's too. The load says what is wrong with them.
        catch (Exception)
#pragma warning restore CA1031
        {
            return null;
        }
    }

    /// <summary>Loads a version, and keeps in mind why that failed.</summary>
    public async Task<ServedVersion> LoadAsync(VersionSettings settings, CancellationToken cancellationToken)
    {
        try
        {
            var version = await _host.Loader.LoadAsync(settings, Predictor, cancellationToken).ConfigureAwait(false);
            LoadFailure = null;
            return version;
        }
        catch (ModelLoadException exception)
        {
            LoadFailure = exception;
            throw;
        }
    }

    private async Task<ServedVersion> LoadFirstAsync(CancellationToken cancellationToken)
    {
        // Options may be others than when the model was first asked for. The chain answers also where the load fails.
        VersionSettings? settings = null;
        if (_isTriedBefore) _host.Settings.Forget(Name);
        _isTriedBefore = true;
        try
        {
            settings = _host.Settings.InForce(Name);
        }
        finally
        {
            Fallback?.SetSteps(settings?.Steps ?? []);
        }

        var version = await LoadAsync(settings, cancellationToken).ConfigureAwait(false);
        Prepare(version);
        return version;
    }
}
