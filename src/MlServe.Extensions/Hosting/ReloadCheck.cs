using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using MlServe.Configuration;
using MlServe.Guests;
using MlServe.Onnx;
using MlServe.Threading;

namespace MlServe.Hosting;

/// <summary>
/// Says after a reload of the configuration what would make the next start fail, in the words of the start: the models that are loaded
/// stay as they are, and nobody would hear of it
/// before every one of them fails at once.
/// </summary>
internal sealed class ReloadCheck(
    ModelCatalog catalog, ConfigurationCheck configuration, IOptionsFactory<MlServingOptions> options, ModelLoader loader,
    ILoggerFactory? loggers = null)
{
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
            foreach (var model in catalog.Names)
                await AddProblemsOfAsync(model, find, problems, cancellationToken).ConfigureAwait(false);
            Tell(string.Join(Environment.NewLine, problems));
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

    private IEnumerable<string> ProblemsOfOptions()
    {
        try
        {
            _ = options.Create(Options.DefaultName);
            return [];
        }
        catch (OptionsValidationException exception)
        {
            return exception.Failures;
        }
    }

    private async Task AddProblemsOfAsync(
        string name, Func<string, ModelEntry?> find, List<string> problems, CancellationToken cancellationToken)
    {
        try
        {
            var options = configuration.OptionsOf(name);
            if (configuration.ProblemsOf(name, options).Any()) return;
            var model = find(name);
            if (IsSameFile(model, options)) problems.AddRange(ProblemsOfChain(model!, options, find));

            // The file of an optional model ends no start. One that has been loaded from it is not read again while it is there.
            var isUnchanged = model?.IsLoadedWith(catalog.SnapshotOf(name)) == true && File.Exists(options.Path);
            if (options.Required && !isUnchanged) await loader.CheckFileAsync(name, options, cancellationToken).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Options are made by code of the application's too.
        catch (Exception exception) when (exception is not OperationCanceledException)
#pragma warning restore CA1031
        {
            problems.Add(ExceptionText.Of(exception));
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
        return FallbackCheck.ProblemsOf(model.Name, model.Versions.Last!, options.FallbackSteps(), keepsAnswers, find);
    }

    private void Tell(string problems)
    {
        if (problems == _told) return;
        _told = problems;
        if (problems.Length > 0) _logger.NextStartFails(problems);
    }
}
