using Microsoft.Extensions.Logging;
using MlServe.Configuration;
using MlServe.Features;
using MlServe.Guests;
using MlServe.Onnx;

namespace MlServe.Hosting;

/// <summary>Loads models, as many at once as may run at once, and builds their pipelines.</summary>
internal sealed class ModelLoader(
    ModelCatalog catalog, FeatureCatalog features, RunGate gate, TimeProvider time, IServiceProvider services,
    ILoggerFactory? loggers = null)
{
    /// <summary>
    /// How long a model whose load has failed is waited for to close: a call of the native runtime may hold it open for good.
    /// </summary>
    internal static readonly TimeSpan ClosingPatience = TimeSpan.FromSeconds(5);

    private readonly TimeProvider _clock = Guards.ClockOf(time);
    private readonly LoadTurns _turns = new(gate.MaxConcurrentRuns, Guards.ClockOf(time));

    /// <summary>Loads a model and runs its warm-up.</summary>
    /// <param name="settings">What it is loaded with.</param>
    /// <param name="around">For the warm-up, the layers that will stand around what is loaded.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <exception cref="ModelLoadException">It could not be loaded; the message names it and its key.</exception>
    public async Task<ServedVersion> LoadAsync(
        VersionSettings settings, IPredictor around, CancellationToken cancellationToken)
    {
        using var turn = await _turns.TakeAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await LoadModelAsync(settings, around, cancellationToken).ConfigureAwait(false);
        }
        // Code of the application's may give up by itself. That is no end that anybody here has asked for, and nobody would hear of it.
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            throw NotLoaded(settings.Model, exception);
        }
    }

    /// <summary>
    /// Reads and inspects the file of a model that may be loaded later, and leaves nothing behind. A source from code is not asked: it is
    /// not what configuration changes.
    /// </summary>
    /// <exception cref="ModelLoadException">A load would fail so, too.</exception>
    public async Task CheckFileAsync(string name, ModelOptions options, CancellationToken cancellationToken)
    {
        if (options.Source is not null || options.Predictor is not null) return;
        try
        {
            var info = await OnnxPredictor.InspectAsync(
                FileOf(options), options.Onnx, ContextOf(name, options), cancellationToken).ConfigureAwait(false);
            Check(name, OnnxFeature.FreeNames(options.Onnx, info).Select(static problem => $"{nameof(ModelOptions.Onnx)}:{problem}"));
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            throw NotLoaded(name, exception);
        }
    }

    private ModelLoadException NotLoaded(string name, Exception exception) => new(
        exception is ModelLoadException known ? known.Failure : ModelLoadFailure.Other,
        $"Model '{name}' ({catalog.KeyOf(name)}) could not be loaded. {ExceptionText.Of(exception)}", exception);

    private ModelLoadContext ContextOf(string name, ModelOptions options) => new()
    {
        Name = name,
        Version = options.Version,
        RunGate = gate,
        TimeProvider = _clock,
        LoggerFactory = loggers,
    };

    /// <summary>What the layers are built with; those of the application's find the service level among the services.</summary>
    private PipelineContext ContextOf(ServiceLevel serviceLevel) =>
        PipelineContext.From(services) with { ServiceLevel = serviceLevel, Services = new ModelServices(services, serviceLevel) };

    private static IModelSource FileOf(ModelOptions options) => ModelSource.FromFile(options.Path!, options.Onnx.MaxModelBytes);

    private async Task<ServedVersion> LoadModelAsync(
        VersionSettings settings, IPredictor around, CancellationToken cancellationToken)
    {
        var (name, options) = (settings.Model, settings.InForce);
        if (options.Predictor is { } makePredictor) return Wrap(settings, makePredictor);
        var context = ContextOf(name, options);
        IPredictor? model = null;
        var serviceLevel = settings.ServiceLevel;
        var builder = new PredictorBuilder(_ => model!);
        List<Func<IModelSource, IServiceProvider, IModelSource>> wrappers = [.. options.SourceWrappers];
        features.Apply(options, new(name, serviceLevel, services, builder, wrappers, options.IsCachePlaced));
        model = await OnnxPredictor.LoadAsync(
            SourceOf(options, wrappers, context), options.Onnx, context, cancellationToken).ConfigureAwait(false);
        try
        {
            Check(name, features.Validate(options, model));
            var layers = ContextOf(serviceLevel);
            var pipeline = builder.Build(layers);
            try
            {
                if (options.Onnx.WarmUpRuns > 0)
                    await PipelineWarmUp.RunAsync(pipeline, around, layers, cancellationToken).ConfigureAwait(false);
                return new(pipeline, settings, _clock.GetUtcNow());
            }
            catch
            {
                await CloseAsync(pipeline).ConfigureAwait(false);
                throw;
            }
        }
        catch
        {
            await CloseAsync(model).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Layers around a predictor of the application's. It is not warmed up: nobody knows a request that it takes, and it may be billed for.
    /// </summary>
    private ServedVersion Wrap(VersionSettings settings, Func<IServiceProvider, IPredictor> makePredictor)
    {
        var (name, options) = (settings.Model, settings.InForce);
        var predictor = makePredictor(services)
            ?? throw new InvalidOperationException("The function given to FromPredictor returned null.");
        try
        {
            var serviceLevel = settings.ServiceLevel;
            var builder = new PredictorBuilder(_ => new ForeignModel(predictor, options.IsPredictorBorrowed, new(name, options.Version)));
            features.Apply(options, new(name, serviceLevel, services, builder, [], options.IsCachePlaced));
            Check(name, features.Validate(options, predictor));
            var pipeline = builder.Build(ContextOf(serviceLevel));
            return new(pipeline, settings, _clock.GetUtcNow());
        }
        catch
        {
            if (!options.IsPredictorBorrowed) predictor.Dispose();
            throw;
        }
    }

    /// <summary>Holds the options against what only the loaded model tells.</summary>
    private void Check(string name, IEnumerable<string> problems)
    {
        List<string> told = [.. problems.Select(problem => $"{catalog.KeyOf(name)}:{problem}")];
        if (told.Count > 0) throw new ModelLoadException(ModelLoadFailure.InvalidOptions, string.Join(" ", told));
    }

    private IModelSource SourceOf(
        ModelOptions options, List<Func<IModelSource, IServiceProvider, IModelSource>> wrappers, ModelLoadContext context)
    {
        var source = options.Source is { } makeSource
            ? makeSource(services) ?? throw new InvalidOperationException("The function given to FromSource returned null.")
            : FileOf(options);
        if (wrappers.Count == 0) return source;

        // What stands around a source may take its time, and may run the model: quantizing does both. So the source itself is timed, and
        // what it gives is verified before.
        source = ModelSource.AsLoaded(source, options.Onnx, context);
        foreach (var wrap in wrappers)
            source = wrap(source, services) ?? throw new InvalidOperationException("The function given to WrapSource returned null.");
        return source;
    }

    /// <summary>
    /// Closes a pipeline or a model whose load has failed. What a layer throws at that is counted by the layer's guard: why the load failed
    /// is what is said.
    /// </summary>
    private async Task CloseAsync(IPredictor predictor)
    {
        try
        {
            await predictor.DisposeAsync()
                .AsTask()
                .WaitAsync(ClosingPatience, _clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
#pragma warning disable CA1031
        catch (Exception)
#pragma warning restore CA1031
        {
        }
    }
}
