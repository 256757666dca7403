using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using MlServe.Configuration;
using MlServe.Guests;
using MlServe.Onnx;

namespace MlServe.Hosting;

/// <summary>Loads models, as many at once as may run at once, and builds their pipelines.</summary>
internal sealed class ModelLoader(
    ModelCatalog catalog, IOptionsMonitor<ModelOptions> models, RunGate gate, TimeProvider time, IServiceProvider services,
    ILoggerFactory? loggers = null)
    : IDisposable
{
    private readonly TimeProvider _clock = GuardedTime.Of(time);
    private readonly SemaphoreSlim _turn = new(gate.MaxConcurrentRuns);

    /// <summary>Loads a model and runs its warm-up.</summary>
    /// <param name="name">The name of the model.</param>
    /// <param name="around">For the warm-up, the twins of the layers that will stand around what is loaded.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <exception cref="ModelLoadException">It could not be loaded; the message names it and its key.</exception>
    /// <exception cref="OptionsValidationException">Its options are not valid.</exception>
    public async Task<LoadedModel> LoadAsync(string name, IReadOnlyList<PipelineLayer> around, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await LoadAsync(name, models.Get(name), catalog.SnapshotOf(name), around, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is not (OperationCanceledException or OptionsValidationException))
        {
            var failure = exception is ModelLoadException known ? known.Failure : ModelLoadFailure.Other;
            throw new ModelLoadException(failure, $"Model '{name}' ({catalog.KeyOf(name)}) could not be loaded. {GuestReports.MessageOf(exception)}", exception);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    private async Task<LoadedModel> LoadAsync(
        string name, ModelOptions options, string snapshot, IReadOnlyList<PipelineLayer> around, CancellationToken cancellationToken)
    {
        foreach (var (section, option) in UnusedSections.Of(catalog, name, options))
            LogMessages.Create(loggers).SectionUnused(section, name, option);
        var source = options.Source is { } makeSource
            ? makeSource(services) ?? throw new InvalidOperationException("The function given to FromSource returned null.")
            : ModelSource.FromFile(options.Path!);
        foreach (var wrap in options.SourceWrappers)
            source = wrap(source, services) ?? throw new InvalidOperationException("The function given to WrapSource returned null.");
        var context = new ModelLoadContext
        {
            Name = name,
            Version = options.Version,
            RunGate = gate,
            TimeProvider = _clock,
            LoggerFactory = loggers,
        };
        var model = await OnnxPredictor.LoadAsync(source, options.Onnx, context, cancellationToken).ConfigureAwait(false);
        try
        {
            var serviceLevel = options.ServiceLevel.ToServiceLevel();
            var builder = new PredictorBuilder(_ => model);
            foreach (var addLayers in options.Layers)
                addLayers(builder);
            if (options is { UseCache: true, IsCachePlaced: false }) builder.UseCache(options.Cache);
            if (options.UseTimeout) builder.UseTimeout(options.Timeout);
            if (options.UseCircuitBreaker) builder.UseCircuitBreaker(options.CircuitBreaker);
            if (options.Chaos.Enabled) builder.UseChaos(options.Chaos);
            if (options.UseBatching) builder.UseBatching(options.Batching);
            var pipeline = builder.Build(new ModelServices(services, serviceLevel));
            try
            {
                if (options.Onnx.WarmUpRuns > 0)
                    await new PipelineWarmUp(pipeline, around, serviceLevel, _clock, LogMessages.Create(loggers)).RunAsync(cancellationToken).ConfigureAwait(false);
                return new(pipeline, pipeline.Signature, serviceLevel, snapshot);
            }
            catch
            {
                await CloseQuietlyAsync(pipeline).ConfigureAwait(false);
                throw;
            }
        }
        catch
        {
            await model.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Closes a pipeline whose load has failed: what a layer throws at that is counted, and why the load failed is what is said.</summary>
    private static async Task CloseQuietlyAsync(IPredictor pipeline)
    {
        try
        {
            await pipeline.DisposeAsync().ConfigureAwait(false);
        }
#pragma warning disable CA1031
        catch (Exception)
#pragma warning restore CA1031
        {
        }
    }
}
