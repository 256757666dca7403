using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using MlServe.Configuration;
using MlServe.Guests;
using MlServe.Onnx;
using MlServe.Threading;

namespace MlServe.Hosting;

/// <summary>
/// After a reload of the configuration, it tells the faults that would make the next start fail, in the words of the start. The models that
/// are loaded stay as they are, and nobody would hear of the faults before all of them fail at once.
/// </summary>
internal sealed class ReloadCheck(
    ModelCatalog catalog, ConfigurationCheck configuration, ModelFileCheck files,
    IEnumerable<IConfigureOptions<MlServingOptions>> configure,
    IEnumerable<IPostConfigureOptions<MlServingOptions>> postConfigure, IEnumerable<IValidateOptions<MlServingOptions>> validators,
    TimeProvider time, ILoggerFactory? loggers = null)
{
    /// <summary>How long the loads of a reload are waited for, so that one entry tells all. Later failures are told later.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // Without MlServe's own validator, which would read the files of all models.
    private readonly OptionsFactory<MlServingOptions> _options = new(
        configure, postConfigure, validators.Where(static validator => validator is not ValidateMlServingOptions));
    private readonly OptionsFactory<MlServingOptions> _unchecked = new(configure, postConfigure);
    private readonly TimeProvider _clock = Guards.ClockOf(time);
    private readonly ILogger _logger = LogMessages.Create(loggers);
    private readonly Lock _lock = new();
    private Task _last = Task.CompletedTask;
    private string _told = "";

    /// <summary>Begins a check in the background; reloads come in flurries, so one waits for the other.</summary>
    /// <param name="find">Finds a model of the host.</param>
    /// <param name="cancellationToken">Ends it: the host stops.</param>
    public void Begin(Func<string, ModelEntry?> find, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return;
        lock (_lock)
        {
            var before = _last;
            _last = UrgentTasks.Run(() => RunAsync(before, find, cancellationToken));
        }
    }

    private async Task RunAsync(Task before, Func<string, ModelEntry?> find, CancellationToken cancellationToken)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        try
        {
            List<string> problems = [.. ProblemsOfOptions()];
            var loads = WhenSettledAsync(find);
            await ((Task)UrgentTasks.WaitForAsync(loads, Patience, _clock, cancellationToken)).ConfigureAwait(
                ConfigureAwaitOptions.SuppressThrowing);
            await TellAsync(problems, find, cancellationToken).ConfigureAwait(false);
            if (loads.IsCompleted) return;
            await loads.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await TellAsync(problems, find, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
        }
#pragma warning disable CA1031 // Configuration and options have code of others in them, and nobody waits here.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _logger.ReloadFailed(exception);
        }
    }

    private async Task WhenSettledAsync(Func<string, ModelEntry?> find)
    {
        foreach (var model in catalog.Names.Select(find).OfType<ModelEntry>())
            await model.WhenSettledAsync().ConfigureAwait(false);
    }

    private IEnumerable<string> ProblemsOfOptions()
    {
        List<string> problems = [];
        MlServingOptions options;
        try
        {
            options = _options.Create(Options.DefaultName);
        }
        catch (OptionsValidationException exception)
        {
            // Of validators of the application's: MlServe's own follows.
            problems.AddRange(exception.Failures);
            options = _unchecked.Create(Options.DefaultName);
        }

        return problems.Concat(configuration.ProblemsOfHost(options));
    }

    private async Task TellAsync(List<string> ofOptions, Func<string, ModelEntry?> find, CancellationToken cancellationToken)
    {
        List<string> problems = [.. ofOptions];
        foreach (var model in catalog.Names)
            await AddProblemsOfAsync(model, find, problems, cancellationToken).ConfigureAwait(false);
        Tell(string.Join(Environment.NewLine, problems.Distinct(StringComparer.Ordinal)));
    }

    private async Task AddProblemsOfAsync(
        string name, Func<string, ModelEntry?> find, List<string> problems, CancellationToken cancellationToken)
    {
        try
        {
            var options = configuration.OptionsOf(name);
            var model = find(name);
            if (!configuration.ProblemsOf(name, options).Any())
            {
                if (IsSameFile(model, options)) problems.AddRange(ProblemsOfChain(model!, options, find));
                if (options.Required && model?.LoadFailure is { } failure)
                {
                    problems.Add(failure.Message);
                    return;
                }
            }

            // The file of an optional model ends no start. One that has been loaded from it is not read again while it is there.
            var isUnchanged = model?.IsLoadedWith(catalog.SnapshotOf(name)) == true && File.Exists(options.Path);
            if (options.Required && !isUnchanged)
                problems.AddRange(await files.ProblemsOfAsync(name, options, cancellationToken).ConfigureAwait(false));
        }
#pragma warning disable CA1031 // Options are made by code of the application's too, and the check of the options has told of that.
        catch (Exception exception) when (exception is not OperationCanceledException)
#pragma warning restore CA1031
        {
        }
    }

    /// <summary>Whether the signature of the loaded model is that of the next start.</summary>
    private static bool IsSameFile(ModelEntry? model, ModelOptions options) =>
        options.Path is { } path && model?.Versions.GetService(typeof(OnnxModelDescription)) is OnnxModelDescription { Origin: var origin }
        && origin == path;

    private static IEnumerable<string> ProblemsOfChain(ModelEntry model, ModelOptions options, Func<string, ModelEntry?> find)
    {
        // A layer of the application's may keep answers as well.
        var keepsAnswers = options.UseCache || options.Layers.Count > (options.IsCachePlaced ? 1 : 0);
        return FallbackCheck.ProblemsOf(
            model.Name, model.Versions.Last!, options.Fallback.Count > 0 ? model.Key : null, options.FallbackSteps(), keepsAnswers, find);
    }

    private void Tell(string problems)
    {
        if (problems == _told) return;
        _told = problems;
        if (problems.Length > 0) _logger.NextStartFails(problems);
    }
}
