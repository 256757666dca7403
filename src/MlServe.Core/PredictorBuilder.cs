namespace MlServe;

/// <summary>
/// Composes a pipeline of decorators around a predictor. The first <c>Use</c> is the outermost: it sees a request first and its answer last.
/// A builder may be built more than once; it is not safe for concurrent use.
/// </summary>
public sealed class PredictorBuilder
{
    private readonly Func<IServiceProvider, IPredictor> _innerFactory;
    private readonly bool _ownsInner;
    private readonly List<Layer> _layers = [];

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
        _layers.Add(new(decorate, null));
        return this;
    }

    /// <summary>Adds a stage inside of the layers added before.</summary>
    internal PredictorBuilder Use(Func<IPredictor, IServiceProvider, PredictionStage> stage)
    {
        _layers.Add(new(null, stage));
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

            var time = services.GetService(typeof(TimeProvider)) as TimeProvider ?? TimeProvider.System;
            for (var last = _layers.Count - 1; last >= 0; last--)
            {
                if (_layers[last].Decorate is { } decorate)
                {
                    var inner = predictor;
                    predictor = decorate(inner, services) ?? throw new InvalidOperationException($"The factory of decorator {last + 1} returned null.");
                    if (!ReferenceEquals(predictor, inner)) made.Add(predictor);
                    continue;
                }

                // Stages that stand together become one predictor.
                var first = last;
                while (first > 0 && _layers[first - 1].Stage is not null) first--;
                predictor = new StagedPredictor(predictor, MakeStages(first, last, predictor, services), time);
                made.Add(predictor);
                last = first;
            }

            return new Pipeline(predictor, made);
        }
        catch
        {
            for (var i = made.Count - 1; i >= 0; i--)
                made[i].Dispose();
            throw;
        }
    }

    private PredictionStage[] MakeStages(int first, int last, IPredictor inner, IServiceProvider services)
    {
        var stages = new PredictionStage[last - first + 1];
        var count = 0;
        try
        {
            for (; count < stages.Length; count++)
                stages[count] = _layers[first + count].Stage!(inner, services);

            // Stages that stand together do not see each other when they are made.
            var twin = Array.Find(stages, stage => stage.IsSingle && Array.Exists(stages, other => other != stage && other.GetType() == stage.GetType()));
            if (twin is not null) throw new InvalidOperationException($"The pipeline has two layers of the kind {twin.GetType().Name}, and it takes one. Add it once.");
            return stages;
        }
        catch
        {
            for (var i = 0; i < count; i++)
                stages[i].Dispose();
            throw;
        }
    }

    private readonly record struct Layer(
        Func<IPredictor, IServiceProvider, IPredictor>? Decorate, Func<IPredictor, IServiceProvider, PredictionStage>? Stage);

    private sealed class NoServices : IServiceProvider
    {
        public static readonly NoServices Instance = new();

        public object? GetService(Type serviceType) => null;
    }

    /// <summary>The outermost predictor together with all that has to be disposed, innermost first.</summary>
    private sealed class Pipeline(IPredictor outermost, List<IPredictor> made) : DelegatingPredictor(outermost)
    {
        private int _disposed;

        public override ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, typeof(IPredictor));
            return Inner.PredictAsync(inputs, options, cancellationToken);
        }

        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            if (!disposing || Interlocked.Exchange(ref _disposed, 1) != 0) return;
            for (var i = made.Count - 1; i >= 0; i--)
                made[i].Dispose();
        }

        protected override async ValueTask DisposeAsyncCore()
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0)
            {
                for (var i = made.Count - 1; i >= 0; i--)
                    await made[i].DisposeAsync().ConfigureAwait(false);
            }

            await base.DisposeAsyncCore().ConfigureAwait(false);
        }
    }
}
