using MlServe.Batching;
using MlServe.Caching;
using MlServe.Features;
using MlServe.Resilience;
using Polly;

namespace MlServe;

/// <content>What is around the model.</content>
public sealed partial class ModelBuilder
{
    /// <summary>
    /// Adds a decorator inside of those added before; see <see cref="PredictorBuilder.Use(Func{IPredictor, IPredictor})"/>.
    /// </summary>
    /// <param name="decorate">Makes the decorator around the rest of the pipeline.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder Use(Func<IPredictor, IPredictor> decorate)
    {
        ArgumentNullException.ThrowIfNull(decorate);
        return ConfigurePipeline(pipeline => pipeline.Use(decorate));
    }

    /// <summary>
    /// Adds a decorator that needs services inside of those added before; the model's <see cref="ServiceLevel"/> is among the services.
    /// </summary>
    /// <param name="decorate">Makes the decorator around the rest of the pipeline.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder Use(Func<IPredictor, IServiceProvider, IPredictor> decorate)
    {
        ArgumentNullException.ThrowIfNull(decorate);
        return ConfigurePipeline(pipeline => pipeline.Use(decorate));
    }

    /// <summary>Adds layers inside of those added before, with the methods of <see cref="PredictorBuilder"/>.</summary>
    /// <param name="configure">Adds the layers; called at each load.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder ConfigurePipeline(Action<PredictorBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return Configure(options => options.Layers.Add((pipeline, _) => configure(pipeline)));
    }

    /// <summary>
    /// Keeps answers and gives them again to equal requests, inside of the layers added before. If only configuration says so, the cache is
    /// the innermost layer but for the batcher.
    /// </summary>
    /// <param name="configure">Changes the defaults; configuration wins over it.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder UseCache(Action<CacheOptions>? configure = null) => Configure(options =>
    {
        options.UseCache = true;
        configure?.Invoke(options.Cache);
        if (options.IsCachePlaced) return;
        options.IsCachePlaced = true;
        options.Layers.Add(FeatureCatalog.PlacedCache);
    });

    /// <summary>
    /// Keeps answers also in the host's <c>HybridCache</c>, for other processes and the next start; together with <see cref="UseCache"/>.
    /// </summary>
    /// <returns>This builder.</returns>
    public ModelBuilder UseHybridCache() => UseCache(static cache => cache.UseHybridCache = true);

    /// <summary>
    /// States the stand-ins for a model that does not answer, loaded or not: a simpler model, an earlier answer, a constant, a function.
    /// Always the outermost layer but for telemetry. A second call replaces the first.
    /// </summary>
    /// <param name="configure">Says who answers, in order.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder UseFallback(Action<FallbackBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return Configure(options => options.Get<FallbackFeature.Options>().Chain = configure);
    }

    /// <summary>Cuts requests off that take too long. Always directly around the circuit breaker, or around its place.</summary>
    /// <param name="timeout">See <see cref="ModelOptions.Timeout"/>; configuration wins over it.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder UseTimeout(TimeSpan? timeout = null) => Configure(options =>
    {
        options.UseTimeout = true;
        options.Timeout = timeout ?? options.Timeout;
    });

    /// <summary>
    /// Keeps requests from a model that fails too often, runs too long or gives invalid answers; each version has a circuit of its own.
    /// Always directly around the batcher, or the model.
    /// </summary>
    /// <param name="configure">Changes the defaults; configuration wins over it.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder UseCircuitBreaker(Action<CircuitBreakerOptions>? configure = null) => Configure(options =>
    {
        options.UseCircuitBreaker = true;
        configure?.Invoke(options.CircuitBreaker);
    });

    /// <summary>Runs requests through a Polly pipeline of one's own, inside of the layers added before.</summary>
    /// <param name="pipeline">The Polly pipeline; not disposed.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder UseResiliencePipeline(ResiliencePipeline<Prediction> pipeline)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        return ConfigurePipeline(builder => builder.UseResiliencePipeline(pipeline));
    }

    /// <summary>
    /// Says which faults to inject into the model, inside of the circuit breaker, if configuration enables that: <c>Chaos:Enabled</c> of
    /// the model. The same setting in code has no effect.
    /// </summary>
    /// <param name="configure">Changes the defaults; configuration wins over it.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder UseChaos(Action<ChaosOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return Configure(options =>
        {
            configure(options.Chaos);
            options.Chaos.Enabled = false;
        });
    }

    /// <summary>
    /// Runs requests together: batches form while the model is busy and start when it is free. Always the innermost layer; the order of the
    /// calls plays no part.
    /// </summary>
    /// <param name="configure">Changes the defaults; configuration wins over it.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder UseBatching(Action<BatchingOptions>? configure = null) => Configure(options =>
    {
        options.UseBatching = true;
        configure?.Invoke(options.Batching);
    });

    /// <summary>
    /// Turns on a feature that <see cref="MlServingBuilder.AddFeature{TFeature}"/> has added to the host. Its layer stands at its slot; the
    /// order of the calls plays no part.
    /// </summary>
    /// <typeparam name="TOptions">The feature's class of options.</typeparam>
    /// <param name="configure">Changes the defaults; configuration wins over it.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder UseFeature<TOptions>(Action<TOptions>? configure = null)
        where TOptions : class, new() => Configure(options =>
    {
        options.Use<TOptions>();
        configure?.Invoke(options.Get<TOptions>());
    });

    /// <summary>
    /// The layers that a service is best off with, with their defaults and in the right order. They are <see cref="UseCache"/>,
    /// <see cref="UseTimeout"/>, <see cref="UseCircuitBreaker"/> and <see cref="UseBatching"/>. Unless <see cref="UseFallback"/> was
    /// called, a stale answer is the last resort. Each can be changed by its own method and switched off in configuration.
    /// </summary>
    /// <returns>This builder.</returns>
    public ModelBuilder UseStandardPipeline() =>
        Configure(static options => options.Get<FallbackFeature.Options>().Chain ??= static fallback => fallback.ThenStaleAnswer())
            .UseCache().UseTimeout().UseCircuitBreaker().UseBatching();
}
