using System.Diagnostics.Metrics;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.Logging;
using MlServe.Caching;

namespace MlServe;

/// <summary>Adds a cache to a pipeline.</summary>
public static class PredictorBuilderCachingExtensions
{
    /// <summary>
    /// Keeps answers and gives them again to equal requests, and computes equal requests that come at once only once. Belongs around the
    /// batcher, and inside of layers that may answer in the model's place.
    /// </summary>
    /// <remarks>
    /// Takes an <c>IMeterFactory</c>, an <c>ILoggerFactory</c> and a <see cref="TimeProvider"/> from the services that the pipeline is
    /// built with, if they are there. Takes a <c>HybridCache</c> as well if the options say so. Offers <see cref="IStaleAnswers"/> and
    /// <see cref="CacheStatistics"/>.
    /// </remarks>
    /// <param name="builder">The pipeline.</param>
    /// <param name="configure">Changes the defaults.</param>
    /// <returns>The same builder.</returns>
    public static PredictorBuilder UseCache(this PredictorBuilder builder, Action<CacheOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Use(PredictionStage (inner, context) =>
        {
            var options = new CacheOptions();
            configure?.Invoke(options);
            return Create(inner, options, context, RequestHasher.Instance);
        });
    }

    /// <summary>Adds a cache with options that were made beforehand, and with another hasher in tests.</summary>
    internal static PredictorBuilder UseCache(this PredictorBuilder builder, CacheOptions options, IRequestHasher? hasher = null) =>
        builder.Use(PredictionStage (inner, context) => Create(inner, options, context, hasher ?? RequestHasher.Instance));

    private static CacheStage Create(IPredictor inner, CacheOptions options, PipelineContext context, IRequestHasher hasher)
    {
        var identity = context.Identity;
        var faults = options.Validate().ToList();
        if (faults.Count > 0)
            throw new ArgumentException(
                $"The cache options of model '{identity.Name}' are not valid: {string.Join(" ", faults)}", nameof(options));

        if (inner.GetService<IStaleAnswers>() is not null)
        {
            throw new InvalidOperationException(
                $"The pipeline of model '{identity.Name}' has a cache already, and one around it would keep the same answers twice. "
                + "Call UseCache once.");
        }

        if (inner.GetService(typeof(ISubstitutesAnswers)) is { } other)
        {
            throw new InvalidOperationException(
                $"UseCache of model '{identity.Name}' stands around {other.GetType().Name}, which may answer in the model's place; the "
                + "cache would take that for the model's answer. "
                + "Move UseCache inside of it.");
        }

        if (options.UseHybridCache && identity.Digest.Length == 0)
        {
            throw new InvalidOperationException(
                $"The cache of model '{identity.Name}' has {nameof(CacheOptions.UseHybridCache)}, and the model has no digest by which "
                + "other processes could tell its answers from "
                + "those of another version. Offer a ModelIdentity with a digest, or leave the option out.");
        }

        if (context.Logger is { } logger && !inner.Signature.AnswersAreRepeatable && options.AcceptVaryingAnswersOf != identity.Name)
            LogMessages.CacheNotUsed(logger, identity.Name);
        return new(inner, identity, options, hasher, context.Find<CacheHost>() ?? new(), SecondLevelOf(identity, options, context),
            CacheMetrics.For(context.Meter), context.Logger, context.Time, context.Events);
    }

    private static HybridCache? SecondLevelOf(ModelIdentity identity, CacheOptions options, PipelineContext context)
    {
        if (!options.UseHybridCache) return null;
        if (context.IsWarmUp) return EmptyHybridCache.Instance;
        return context.Find<HybridCache>() ?? throw Missing(identity, nameof(CacheOptions.UseHybridCache), nameof(HybridCache),
            "services.AddHybridCache() of the package Microsoft.Extensions.Caching.Hybrid");
    }

    private static InvalidOperationException Missing(ModelIdentity identity, string option, string service, string call) =>
        new($"The cache of model '{identity.Name}' has {option}, and no {service} is registered. Call {call}, or leave the option out.");
}
