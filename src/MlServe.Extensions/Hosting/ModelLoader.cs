using Microsoft.Extensions.Logging;
using MlServe.Configuration;
using MlServe.Features;
using MlServe.Guests;
using MlServe.Onnx;

namespace MlServe.Hosting;

/// <summary>Loads models, as many at once as may run at once, and builds their pipelines.</summary>
internal sealed class ModelLoader(
    ModelFileCheck files, FeatureCatalog features, RunGate gate, TimeProvider time, IServiceProvider services,
    ILoggerFactory? loggers = null)
{
    /// <summary>
    /// How long a model whose load has failed is waited for to close: a call of the native runtime may hold it open for good.
    /// </summary>
    internal static readonly TimeSpan ClosingPatience = TimeSpan.FromSeconds(5);

    private readonly TimeProvider _clock = Guards.ClockOf(time);
    private readonly LoadTurns _turns = new(gate.MaxConcurrentRuns, Guards.ClockOf(time));

    /// <summary>Loads a model and runs its warm-up.</summary>
    /// <param name="settings">The settings that it is loaded with.</param>
    /// <param name="around">For the warm-up, the layers that will stand around the version.</param>
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
            // The load ends at the first option that does not fit the model: all of them are told.
            if (exception is ModelLoadException { Failure: ModelLoadFailure.InvalidOptions } or ArgumentException)
                await files.CheckAsync(settings.Model, settings.InForce, cancellationToken).ConfigureAwait(false);
            throw files.NotLoaded(settings.Model, exception);
        }
    }

    private ModelLoadContext ContextOf(string name, ModelOptions options) => new()
    {
        Name = name,
        Version = options.Version,
        RunGate = gate,
        TimeProvider = _clock,
        LoggerFactory = loggers,
    };

    /// <summary>The context that the layers are built with; those of the application's find the service level among the services.</summary>
    private PipelineContext ContextOf(ServiceLevel serviceLevel) =>
        PipelineContext.From(services) with { ServiceLevel = serviceLevel, Services = new ModelServices(services, serviceLevel) };

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
            files.Require(name, features.Validate(options, name, model));
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
            files.Require(name, features.Validate(options, name, predictor));
            var pipeline = builder.Build(ContextOf(serviceLevel));
            return new(pipeline, settings, _clock.GetUtcNow());
        }
        catch
        {
            if (!options.IsPredictorBorrowed) predictor.Dispose();
            throw;
        }
    }

    private IModelSource SourceOf(
        ModelOptions options, List<Func<IModelSource, IServiceProvider, IModelSource>> wrappers, ModelLoadContext context)
    {
        var source = options.Source is { } makeSource
            ? makeSource(services) ?? throw new InvalidOperationException("The function given to FromSource returned null.")
            : ModelFileCheck.FileOf(options);
        if (wrappers.Count == 0) return source;

        // What stands around a source may take its time, and may run the model: quantizing does both. So the source itself is timed, and
        // what it gives is verified before.
        source = ModelSource.AsLoaded(source, options.Onnx, context);
        foreach (var wrap in wrappers)
            source = wrap(source, services) ?? throw new InvalidOperationException("The function given to WrapSource returned null.");
        return source;
    }

    /// <summary>
    /// Closes a pipeline or a model whose load has failed. An exception of a layer at that is counted by the layer's guard: the reason of
    /// the failed load is told.
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
