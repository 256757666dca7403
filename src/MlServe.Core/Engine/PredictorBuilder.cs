using MlServe.Guests;

namespace MlServe;

/// <summary>
/// Composes a pipeline of decorators around a predictor. The first <c>Use</c> is the outermost: it sees a request first and its answer last.
/// A builder may be built more than once; it is not safe for concurrent use.
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

    /// <summary>Begins a pipeline around a predictor that is made at each <see cref="Build"/> and disposed with what is built.</summary>
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
        return Use(new PipelineLayer(decorate, null, null) { MayOverrun = true });
    }

    /// <summary>Adds a built-in decorator inside of the layers added before.</summary>
    /// <param name="decorate">Makes the decorator around the rest of the pipeline.</param>
    /// <param name="twin">Makes its twin for a warm-up; null: as the decorator is made.</param>
    /// <param name="mayOverrun">Whether it may take longer than it is told.</param>
    /// <param name="asksOthers">Whether it asks others where what is inside fails.</param>
    internal PredictorBuilder UseBuiltIn(
        Func<IPredictor, IServiceProvider, IPredictor> decorate, Func<IPredictor, IServiceProvider, IPredictor>? twin = null,
        bool mayOverrun = false, bool asksOthers = false) =>
        Use(new PipelineLayer(decorate, null, new(twin ?? decorate, null, null) { MayOverrun = mayOverrun, AsksOthers = asksOthers })
        {
            MayOverrun = mayOverrun,
            AsksOthers = asksOthers,
        });

    /// <summary>Adds a built-in decorator that belongs to the model, and is there for a warm-up as the model is.</summary>
    /// <param name="decorate">Makes the decorator around the rest of the pipeline.</param>
    internal PredictorBuilder UseModel(Func<IPredictor, IServiceProvider, IPredictor> decorate) =>
        Use(new PipelineLayer(decorate, null, null) { IsModel = true });

    /// <summary>Adds a limit of time, inside of the fallback chain that was added before, if one was.</summary>
    /// <param name="limit">Says how long; <see cref="Timeout.InfiniteTimeSpan"/>: as long as it takes.</param>
    internal PredictorBuilder UseLimit(Func<IServiceProvider, TimeSpan> limit) => Use(PipelineLayer.OfLimit(limit));

    /// <summary>Adds a stage inside of the layers added before.</summary>
    /// <param name="stage">Makes the stage.</param>
    /// <param name="twin">Makes its twin for a warm-up; null: as the stage is made.</param>
    internal PredictorBuilder Use(
        Func<IPredictor, IServiceProvider, PredictionStage> stage, Func<IPredictor, IServiceProvider, PredictionStage>? twin = null) =>
        Use(new PipelineLayer(null, stage, new(null, twin ?? stage, null)));

    /// <summary>Adds a layer inside of those added before.</summary>
    internal PredictorBuilder Use(PipelineLayer layer)
    {
        _layers.Add(layer);
        return this;
    }

    /// <summary>Builds the pipeline.</summary>
    /// <param name="services">Where decorators find what they need; null: nothing is registered.</param>
    /// <returns>The pipeline. Disposing it disposes what was made here, outermost first, and not a predictor that the builder was handed.</returns>
    /// <exception cref="InvalidOperationException">A decorator's factory returned null.</exception>
    public IPredictor Build(IServiceProvider? services = null)
    {
        services ??= NoServices.Instance;
        var made = new List<IPredictor>();
        try
        {
            var predictor = _innerFactory(services) ?? throw new InvalidOperationException("The factory of the inner predictor returned null.");
            if (_ownsInner) made.Add(predictor);

            var time = services.FindClock();
            var mayOverrun = predictor is not IKeepsDeadlines && _layers is not [.., { IsModel: true }];
            var layers = PipelineOrder.Of(_layers, mayOverrun);
            var twins = new PipelineLayer?[layers.Count];
            for (var last = layers.Count - 1; last >= 0; last--)
            {
                var layer = layers[last];
                var inner = predictor;
                twins[last] = layer.Twin;
                if (layer.Limit is { } limit && mayOverrun)
                {
                    var identity = inner.GetService<ModelIdentity>();
                    predictor = new LimitedPredictor(
                        inner, new(limit(services)), time, new(identity?.Name ?? "unnamed", services.FindMeter(), identity));
                    made.Add(predictor);
                    mayOverrun = false;
                    continue;
                }

                if (layer.Decorate is { } decorate)
                {
                    predictor = decorate(inner, services) ?? throw new InvalidOperationException(
                        $"The factory of decorator {_layers.IndexOf(layer) + 1} returned null.");
                    if (ReferenceEquals(predictor, inner)) continue;
                    made.Add(predictor);
                    mayOverrun |= layer.MayOverrun;
                    twins[last] ??= PipelineLayer.TwinOf(predictor, inner);
                    continue;
                }

                // Stages that stand together become one predictor.
                var first = last;
                while (first > 0 && layers[first - 1] is { Decorate: null } former && (former.Limit is null || !mayOverrun)) first--;
                for (var stage = first; stage <= last; stage++)
                    twins[stage] = layers[stage].Twin;
                predictor = StageMaker.Make(layers[first..(last + 1)], predictor, services, time, made);
                last = first;
            }

            return new Pipeline(predictor, made, [.. twins.OfType<PipelineLayer>()]);
        }
        catch
        {
            // What a layer throws here is counted; the builder's own failure is what its caller hears of.
            _ = Pipeline.DisposeOf(made);
            throw;
        }
    }

    private sealed class NoServices : IServiceProvider
    {
        public static readonly NoServices Instance = new();

        public object? GetService(Type serviceType) => null;
    }
}
