using System.Runtime.CompilerServices;
using MlServe.Configuration;
using MlServe.Threading;

namespace MlServe.Hosting;

/// <summary>Loads versions of a model beside the live one, and lets one take the place of the other.</summary>
internal sealed class ModelVersions(ModelEntry entry, ModelHost host) : IModelVersions
{
    private static readonly AsyncLocal<Checking?> UnderWay = new();

    private readonly Lock _lock = new();
    private readonly ConditionalWeakTable<ServedVersion, ModelVersion> _handles = [];
    private Reload? _next;

    public string Model => entry.Name;

    /// <summary>The last reload that was begun.</summary>
    public Task Reloading { get; private set; } = Task.CompletedTask;

    public ModelVersion? Live => Set.Live is { } live ? HandleOf(live) : null;

    public IReadOnlyList<ModelVersion> All => [.. Set.All.Select(HandleOf)];

    private VersionSet Set => entry.Versions;

    private ModelLifecycle Life => entry.Life;

    public Task<ModelVersion> ReloadAsync(CancellationToken cancellationToken = default) =>
        ReloadAsync(onlyIfChanged: false, cancellationToken);

    /// <summary>
    /// Reloads the model. Calls that come while a reload runs share the next one, so that the last of them sees the newest options.
    /// </summary>
    /// <param name="onlyIfChanged">Whether nothing is to be done if the options are those of the live version.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public async Task<ModelVersion> ReloadAsync(bool onlyIfChanged, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        RefuseChecks();
        if (await LoadIfThereIsNoneAsync(cancellationToken).ConfigureAwait(false) is { } first) return HandleOf(first);
        Reload reload;
        lock (_lock)
        {
            reload = _next ??= Begin();
            reload.IsForced |= !onlyIfChanged;
        }

        await reload.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        return HandleOf(reload.Version!);
    }

    /// <summary>
    /// The first version, if it was loaded for this call; null if there is one, which a reload can replace. A first load that ran before
    /// the call does not know the newest options: if it fails, the model is loaded once more.
    /// </summary>
    private async Task<ServedVersion?> LoadIfThereIsNoneAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (Life.State == ModelState.Loading)
                await Life.LoadAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
            if (Life.State == ModelState.Ready) return null;
            await Life.LoadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (IsShutDown && !cancellationToken.IsCancellationRequested)
        {
            throw Life.IsShutDown();
        }

        return Set.Live ?? throw Life.IsShutDown();
    }

    public async Task<ModelVersion> LoadAsync(Action<ModelOptions>? change = null, CancellationToken cancellationToken = default)
    {
        RefuseChecks();
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, Life.Closing);
        try
        {
            using var turn = await Life.TakeTurnAsync(ended.Token).ConfigureAwait(false);
            var version = await TryAsync(() => LoadBesideAsync(host.Settings.Read(Model, change), ended.Token)).ConfigureAwait(false);
            await KeepAsync(version, Life.Add).ConfigureAwait(false);
            return HandleOf(version);
        }
        catch (OperationCanceledException) when (IsShutDown && !cancellationToken.IsCancellationRequested)
        {
            throw Life.IsShutDown();
        }
    }

    public async Task PublishAsync(ModelVersion version, bool keepFormer = false, CancellationToken cancellationToken = default)
    {
        RefuseChecks();
        var served = Check(version);
        Task drained = Task.CompletedTask;
        using (await Life.TakeTurnAsync(cancellationToken).ConfigureAwait(false))
        {
            if (Set.Live is not { } former || ReferenceEquals(former, served)) return;
            if (served.IsRetired)
                throw new InvalidOperationException($"The version {version} is not loaded any more. Load it anew: LoadAsync.");
            Publish(served, former);
            if (!keepFormer) drained = DrainAsync(former);
        }

        await drained.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public async Task UnloadAsync(ModelVersion version, CancellationToken cancellationToken = default)
    {
        var served = Check(version);
        if (served.IsClosed) return;
        RefuseChecks();
        Task drained;
        using (await Life.TakeTurnAsync(cancellationToken).ConfigureAwait(false))
        {
            if (ReferenceEquals(Set.Live, served))
                throw new InvalidOperationException(
                    $"The version {version} is the one that answers. Publish another one first, or stop the host.");
            drained = DrainAsync(served);
        }

        await drained.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private bool IsShutDown => Life.State is ModelState.Draining or ModelState.Closed;

    private ModelVersion HandleOf(ServedVersion version) => _handles.GetValue(version, version => new(version, Set));

    private ServedVersion Check(ModelVersion version)
    {
        ArgumentNullException.ThrowIfNull(version);
        return _handles.TryGetValue(version.Served, out _)
            ? version.Served
            : throw new InvalidOperationException($"The version {version} is none of model '{Model}'. Take one of IModelVersions.All.");
    }

    /// <summary>A check holds the turn of its load: a load that it waited for would wait for the check.</summary>
    private void RefuseChecks()
    {
        if (UnderWay.Value is { IsOver: false } checking && ReferenceEquals(checking.Versions, this))
        {
            throw new InvalidOperationException(
                $"A check of a version of model '{Model}' cannot change the versions of that model: no other one is loaded, published or "
                + "unloaded until the check ends. Throw to refuse the version, and change versions afterwards.");
        }
    }

    private Reload Begin()
    {
        var reload = new Reload();
        reload.Task = UrgentTasks.Run(() => RunAsync(reload));
        Reloading = reload.Loaded.Task;

        // It may fail when nobody waits for it any more; the log says so.
        Background.Forget(reload.Task);
        return reload;
    }

    private async Task RunAsync(Reload reload)
    {
        Task drained;
        try
        {
            using var turn = await Life.TakeTurnAsync(Life.Closing).ConfigureAwait(false);
            End(reload);
            drained = await ReplaceAsync(reload).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (IsShutDown)
        {
            throw Life.IsShutDown();
        }
        finally
        {
            End(reload);
            reload.Loaded.SetResult();
        }

        await drained.ConfigureAwait(false);
    }

    /// <summary>Later changes are for the next one.</summary>
    private void End(Reload reload)
    {
        lock (_lock)
        {
            if (ReferenceEquals(_next, reload)) _next = null;
        }
    }

    private async Task<Task> ReplaceAsync(Reload reload)
    {
        var former = Set.Live ?? throw Life.IsShutDown();
        var version = await TryAsync(async () =>
        {
            var settings = host.Settings.Read(Model);
            if (reload.IsForced || settings.Text.Value != former.Settings.Text.Value)
                return await LoadBesideAsync(settings, Life.Closing).ConfigureAwait(false);

            // What only the host reads may be another.
            host.Settings.Accept(settings);
            return former;
        }).ConfigureAwait(false);
        reload.Version = version;
        if (ReferenceEquals(version, former)) return Task.CompletedTask;

        await KeepAsync(version, Life.Add).ConfigureAwait(false);
        Publish(version, former);
        host.Settings.Accept(version.Settings);
        return DrainAsync(former);
    }

    private async Task<ServedVersion> LoadBesideAsync(VersionSettings settings, CancellationToken cancellationToken)
    {
        if (Set.IsFull)
        {
            throw new InvalidOperationException(
                $"Model '{Model}' has {VersionSet.Most} versions loaded, those that still answer requests among them, and takes no more. "
                + "Unload one, or wait until they are drained.");
        }

        var version = await entry.LoadAsync(settings, cancellationToken).ConfigureAwait(false);
        await KeepAsync(version, () => CheckAsync(version, Set.Live ?? throw Life.IsShutDown(), cancellationToken)).ConfigureAwait(false);
        return version;
    }

    private async Task CheckAsync(ServedVersion version, ServedVersion live, CancellationToken cancellationToken)
    {
        VersionCheck.Require(version, live, entry.Key, host.Find);
        foreach (var check in host.Checks)
        {
            var checking = new Checking(this);
            UnderWay.Value = checking;
            try
            {
                await check.CheckAsync(HandleOf(version), HandleOf(live), cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                throw new ModelLoadException(ModelLoadFailure.VerificationFailed,
                    $"The new version of model '{Model}' did not pass {check.GetType().Name}, and the live one goes on: "
                        + $"{ExceptionText.Of(exception)}", exception);
            }
            finally
            {
                checking.IsOver = true;
            }
        }
    }

    private Task KeepAsync(ServedVersion version, Action<ServedVersion> keep) => KeepAsync(version, () =>
    {
        keep(version);
        return Task.CompletedTask;
    });

    /// <summary>Closes a version that cannot be kept.</summary>
    private async Task KeepAsync(ServedVersion version, Func<Task> keep)
    {
        try
        {
            await keep().ConfigureAwait(false);
        }
        catch
        {
            // A check that gave up may have left a request in it: why it is refused is what is said, and others wait for the turn.
            await WaitForAsync(CloseElsewhere(version), ModelLoader.ClosingPatience).ConfigureAwait(false);
            throw;
        }
    }

    private void Publish(ServedVersion version, ServedVersion former)
    {
        entry.Prepare(version);
        Life.Publish(version);
        host.Logger.Reloaded(Model, version.Identity?.Version, former.Identity?.Version);
        host.Events?.Publish(new ModelReloaded(Model, version.Identity, former.Identity, host.Time.GetUtcNow()));
    }

    /// <summary>
    /// Closes a version when its last request has been answered; ends with that, or when it has been waited for long enough.
    /// </summary>
    private async Task DrainAsync(ServedVersion version)
    {
        var closed = CloseElsewhere(version);
        await WaitForAsync(closed, host.DrainTimeout).ConfigureAwait(false);
        if (!closed.IsCompleted && !IsShutDown)
            host.Logger.VersionDrainEnded(Model, version.Identity?.Version, version.Inside, host.DrainTimeout);
    }

    private async Task WaitForAsync(Task closed, TimeSpan patience) => await ((Task)UrgentTasks.WaitForAsync(
        closed, patience, host.Time, Life.Closing)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <summary>
    /// Shuts a version and closes it. A layer of the application's may hold its thread at that. It is not to be the caller's thread, and is
    /// not to find the caller's context.
    /// </summary>
    private Task CloseElsewhere(ServedVersion version)
    {
        _ = version.Retire();
        return UrgentTasks.Run(() => CloseAsync(version));
    }

    private async Task CloseAsync(ServedVersion version)
    {
        await version.CloseAsync(host.Logger).ConfigureAwait(false);
        if (Set.TryRemove(version)) host.Events?.Publish(new ModelVersionClosed(Model, version.Identity, host.Time.GetUtcNow()));
    }

    private async Task<ServedVersion> TryAsync(Func<Task<ServedVersion>> load)
    {
        try
        {
            var version = await load().ConfigureAwait(false);
            (entry.LastReloadFailed, entry.LoadFailure) = (false, null);
            return version;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            entry.LastReloadFailed = true;
            host.Logger.VersionNotLoaded(LoadFailures.CauseOf(exception), Model, LoadFailures.ReasonOf(exception, Model));
            host.Events?.Publish(new ModelReloadFailed(Model, Set.Live?.Identity, exception, host.Time.GetUtcNow()));
            throw;
        }
    }

    /// <summary>A check that runs. Work that it leaves running keeps its context, and may change versions once the check is over.</summary>
    private sealed class Checking(ModelVersions versions)
    {
        private volatile bool _isOver;

        public ModelVersions Versions => versions;

        public bool IsOver
        {
            get => _isOver;
            set => _isOver = value;
        }
    }

    /// <summary>A reload that runs, or waits for its turn.</summary>
    private sealed class Reload
    {
        public Task Task { get; set; } = Task.CompletedTask;
        /// <summary>Completes when the version is there, or will not be; the reload itself ends when the former one is closed.</summary>
        public TaskCompletionSource Loaded { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public ServedVersion? Version { get; set; }
        public bool IsForced { get; set; }
    }
}
