using System.Diagnostics.CodeAnalysis;

namespace MlServe;

/// <summary>
/// Composes a pipeline of decorators around a predictor. The first <c>Use</c> is the outermost: it sees a request first and its answer
/// last. A builder may be built more than once; it is not safe for concurrent use.
/// </summary>
public sealed class PredictorBuilder
{
    private readonly Func<IServiceProvider, IPredictor> _innerFactory;
    private readonly bool _ownsInner;
    private readonly List<PipelineLayer> _layers = [];

    /// <summary>Begins a pipeline around a predictor that somebody else disposes.</summary>
    /// <param name="inner">The predictor at the end of the pipeline.</param>
    public PredictorBuilder(IPredictor inner)
    {
        ArgumentNullException.ThrowIfNull(inner);
        _innerFactory = _ => inner;
    }

    /// <summary>Begins a pipeline around a predictor that is made at each <see cref="Build"/> and disposed with the pipeline.</summary>
    /// <param name="innerFactory">Makes the predictor at the end of the pipeline.</param>
    public PredictorBuilder(Func<IServiceProvider, IPredictor> innerFactory)
    {
        ArgumentNullException.ThrowIfNull(innerFactory);
        _innerFactory = innerFactory;
        _ownsInner = true;
    }

    /// <summary>Adds a decorator inside of those added before.</summary>
    /// <param name="decorate">Makes the decorator around the rest of the pipeline.</param>
    /// <returns>This builder.</returns>
    public PredictorBuilder Use(Func<IPredictor, IPredictor> decorate)
    {
        ArgumentNullException.ThrowIfNull(decorate);
        return Use((inner, _) => decorate(inner));
    }

    /// <summary>Adds a decorator that needs services inside of those added before.</summary>
    /// <param name="decorate">Makes the decorator around the rest of the pipeline.</param>
    /// <returns>This builder.</returns>
    public PredictorBuilder Use(Func<IPredictor, IServiceProvider, IPredictor> decorate)
    {
        ArgumentNullException.ThrowIfNull(decorate);
        return Use(new PipelineLayer
        {
            Decorate = (inner, context) => decorate(inner, context.Container),
            MayOverrun = true,
            IsForeign = true,
        });
    }

    /// <summary>
    /// Adds a decorator that takes its parts from the pipeline's context inside of those added before. Unlike the other forms it takes part
    /// in a host's warm-up, for which it is made once more: see <see cref="PipelineContext.IsWarmUp"/>.
    /// </summary>
    /// <param name="decorate">Makes the decorator around the rest of the pipeline; returns the rest itself for none.</param>
    /// <returns>This builder.</returns>
    [Experimental("MLSERVE001")]
    public PredictorBuilder Use(Func<IPredictor, PipelineContext, IPredictor> decorate)
    {
        ArgumentNullException.ThrowIfNull(decorate);
        return UseBuiltIn(decorate, mayOverrun: true);
    }

    /// <summary>
    /// Adds a layer as hooks, without an async method or an allocation a call, inside of those added before. It takes part in a host's
    /// warm-up, for which it is made once more: see <see cref="PipelineContext.IsWarmUp"/>.
    /// </summary>
    /// <param name="stage">Makes the stage, which is given the predictor behind it; the pipeline disposes it.</param>
    /// <returns>This builder.</returns>
    [Experimental("MLSERVE001")]
    public PredictorBuilder UseStage(Func<IPredictor, PipelineContext, PredictionStage> stage)
    {
        ArgumentNullException.ThrowIfNull(stage);
        return Use(new PipelineLayer { Stage = stage });
    }

    /// <summary>Adds a built-in decorator inside of the layers added before.</summary>
    /// <param name="decorate">
    /// Makes the decorator around the rest of the pipeline; for a warm-up, one that calls nothing that is somebody else's.
    /// </param>
    /// <param name="mayOverrun">Whether it may take longer than it is told.</param>
    /// <param name="asksOthers">Whether it asks others if the inner layers fail.</param>
    internal PredictorBuilder UseBuiltIn(
        Func<IPredictor, PipelineContext, IPredictor> decorate, bool mayOverrun = false, bool asksOthers = false) =>
        Use(new PipelineLayer { Decorate = decorate, MayOverrun = mayOverrun, AsksOthers = asksOthers });

    /// <summary>Adds a built-in decorator that belongs to the model, and is there for a warm-up as the model is.</summary>
    /// <param name="decorate">Makes the decorator around the rest of the pipeline.</param>
    internal PredictorBuilder UseModel(Func<IPredictor, PipelineContext, IPredictor> decorate) =>
        Use(new PipelineLayer { Decorate = decorate, IsModel = true });

    /// <summary>Adds a limit of time, inside of the fallback chain that was added before, if one was.</summary>
    /// <param name="limit">Says how long; <see cref="Timeout.InfiniteTimeSpan"/>: as long as it takes.</param>
    internal PredictorBuilder UseLimit(Func<PipelineContext, TimeSpan> limit) => Use(PipelineLayer.OfLimit(limit));

    /// <summary>Adds a layer inside of those added before.</summary>
    internal PredictorBuilder Use(PipelineLayer layer)
    {
        _layers.Add(layer);
        return this;
    }

    /// <summary>Builds the pipeline.</summary>
    /// <param name="services">
    /// The container in which decorators find their services, or a <c>PipelineContext</c>. Null: nothing is registered.
    /// </param>
    /// <returns>
    /// The pipeline. Disposing it disposes all that was made here, outermost first, and not a predictor that the builder was handed.
    /// </returns>
    /// <exception cref="InvalidOperationException">A decorator's factory returned null.</exception>
    public IPredictor Build(IServiceProvider? services = null) => BuildPipeline(PipelineContext.From(services));

    /// <summary>Builds the pipeline for a host, which hands it to others and ends it itself.</summary>
    /// <param name="context">The context that the layers are built with.</param>
    /// <returns>The pipeline together with the right to end it.</returns>
    /// <exception cref="InvalidOperationException">A decorator's factory returned null.</exception>
    [Experimental("MLSERVE001")]
    public PipelineOwner BuildOwned(PipelineContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return new(BuildPipeline(context));
    }

    private Pipeline BuildPipeline(PipelineContext context)
    {
        var made = new List<IPredictor>();
        try
        {
            var predictor = _innerFactory(context.Container)
                ?? throw new InvalidOperationException("The factory of the inner predictor returned null.");
            if (_ownsInner) made.Add(predictor);

            context = context.For(predictor);
            var mayOverrun = predictor is not IKeepsDeadlines && _layers is not [.., { IsModel: true }];
            IPredictor? batcher = null;
            var layers = PipelineOrder.Of(_layers, mayOverrun);
            var warmUp = new PipelineLayer?[layers.Count];
            for (var last = layers.Count - 1; last >= 0; last--)
            {
                var layer = layers[last];
                var inner = predictor;
                if (layer.Limit is { } limit && mayOverrun)
                {
                    warmUp[last] = layer;
                    predictor = new LimitedPredictor(
                        inner, new(limit(context)), context.Time,
                        new(context.Identity.Name, context.Meter, inner.GetService<ModelIdentity>()));
                    made.Add(predictor);
                    mayOverrun = false;
                    continue;
                }

                if (layer.Decorate is { } decorate)
                {
                    predictor = decorate(inner, context) ?? throw new InvalidOperationException(
                        $"The factory of decorator {_layers.IndexOf(layer) + 1} returned null.");
                    warmUp[last] = layer.ForWarmUp(predictor, inner);
                    if (ReferenceEquals(predictor, inner)) continue;
                    made.Add(predictor);
                    if (layer.IsModel) batcher = predictor;
                    mayOverrun = (mayOverrun || layer.MayOverrun) && predictor is not IKeepsDeadlines;
                    continue;
                }

                // Stages that stand together become one predictor.
                var first = last;
                while (first > 0 && layers[first - 1] is { Decorate: null } former && (former.Limit is null || !mayOverrun)) first--;
                for (var stage = first; stage <= last; stage++)
                    warmUp[stage] = layers[stage];
                predictor = StageMaker.Make(layers[first..(last + 1)], predictor, context, made);
                last = first;
            }

            return new(predictor, made, [.. warmUp.OfType<PipelineLayer>()]) { Batcher = batcher };
        }
        catch
        {
            // What a layer throws here is counted; the builder's own failure is what its caller hears of.
            _ = Pipeline.DisposeOf(made);
            throw;
        }
    }
}
