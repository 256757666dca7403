using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using MlServe.Resilience;
using Polly;

namespace MlServe;

/// <summary>Gives a pipeline layers that keep it answering when a model does not.</summary>
/// <remarks>
/// The methods take an <see cref="IMeterFactory"/>, an <see cref="ILoggerFactory"/>, a <see cref="TimeProvider"/> and a
/// <see cref="ServiceLevel"/> from the services that the pipeline is built with, if they are there. The order, outermost first: fallback,
/// cache, timeout, circuit breaker, batching.
/// </remarks>
public static class PredictorBuilderResilienceExtensions
{
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Keeps requests from a model that fails too often, runs too long or gives invalid answers; they are refused at once as
    /// <see cref="PredictionStatus.CircuitOpen"/>. Offers <see cref="ICircuitBreaker"/>. Belongs inside of the cache and around the
    /// batcher.
    /// </summary>
    /// <param name="builder">The pipeline.</param>
    /// <param name="configure">Changes the defaults.</param>
    /// <returns>The same builder.</returns>
    [SuppressMessage("ApiDesign", "RS0027", Justification = "The other form takes the options themselves.")]
    public static PredictorBuilder UseCircuitBreaker(this PredictorBuilder builder, Action<CircuitBreakerOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        CircuitBreakerOptions Options()
        {
            var options = new CircuitBreakerOptions();
            configure?.Invoke(options);
            return options;
        }

        return builder.UseCircuitBreaker(Options);
    }

    /// <summary>
    /// Cuts requests off that take too long. The run is stopped at its next operator and its lane is free again, and the caller gets
    /// <see cref="PredictionStatus.DeadlineExceeded"/>. <see cref="PredictionOptions.Timeout"/> of a call goes before it.
    /// </summary>
    /// <remarks>
    /// The time bounds everything inside of the fallback chain, also layers that were added before it. If there is no chain, it bounds the
    /// whole pipeline. A layer of the application's, or a model of its own kind, runs elsewhere with a copy of the inputs. It gets the time
    /// that is left and a token that ends with it. Its caller is answered in time although the layer goes on. Up to 100 calls of a pipeline
    /// may go on so; further ones are refused (<see cref="PredictionErrorCode.LayersOverrun"/>).
    /// </remarks>
    /// <param name="builder">The pipeline.</param>
    /// <param name="timeout">
    /// How long, greater than zero, or <see cref="Timeout.InfiniteTimeSpan"/> for none. Null: ten times the <see cref="ServiceLevel.P99"/>
    /// of the model, which cuts off requests that hang and not those that are a little late. If none was promised, it is 30 seconds.
    /// </param>
    /// <returns>The same builder.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeout"/> is zero or less.</exception>
    public static PredictorBuilder UseTimeout(this PredictorBuilder builder, TimeSpan? timeout = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        if (timeout <= TimeSpan.Zero && timeout != Timeout.InfiniteTimeSpan)
            throw new ArgumentOutOfRangeException(
                nameof(timeout), timeout, "A timeout must be longer than zero, or Timeout.InfiniteTimeSpan for none.");
        return builder.UseLimit(context => timeout ?? (context.ServiceLevel?.P99 is { } p99 ? p99 * 10 : DefaultTimeout));
    }

    /// <summary>
    /// Asks others if the model does not answer: a simpler model, an earlier answer, a constant, a function, in order. Each has the rest of
    /// the caller's time (<see cref="PredictionOptions.Timeout"/>). <see cref="PredictionOrigin"/> says who answered and why the model did
    /// not. Belongs outside of the cache and of all that guards the model.
    /// </summary>
    /// <param name="builder">The pipeline.</param>
    /// <param name="configure">Says who answers.</param>
    /// <returns>The same builder.</returns>
    public static PredictorBuilder UseFallback(this PredictorBuilder builder, Action<FallbackBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(configure);
        IReadOnlyList<FallbackStep> Steps()
        {
            var chain = new FallbackBuilder();
            configure(chain);
            return chain.Steps;
        }

        return builder.UseFallback((inner, context) => CreateFallback(inner, Steps(), context));
    }

    /// <summary>
    /// Asks others if the model does not answer, by a chain that was made beforehand. For hosts: a model's chain is there before the model
    /// is, and several pipelines share it. Its place among the layers is that of the other form.
    /// </summary>
    /// <param name="builder">The pipeline.</param>
    /// <param name="chain">The chain. In a warm-up another takes its place, in which nobody stands in.</param>
    /// <returns>The same builder.</returns>
    [Experimental("MLSERVE001")]
    public static PredictorBuilder UseFallback(this PredictorBuilder builder, FallbackChain chain)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(chain);
        return builder.UseFallback((inner, context) =>
            context.IsWarmUp ? FallbackChain.Create(inner, chain.Model, chain.Steps, context) : chain);
    }

    /// <summary>
    /// Injects faults into the model, to see the code around it cope; nothing, unless <see cref="ChaosOptions.Enabled"/>. Belongs directly
    /// around the batcher, or the model.
    /// </summary>
    /// <param name="builder">The pipeline.</param>
    /// <param name="configure">Says which faults, and enables them.</param>
    /// <returns>The same builder.</returns>
    public static PredictorBuilder UseChaos(this PredictorBuilder builder, Action<ChaosOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(configure);
        return builder.UseBuiltIn(
            (inner, context) =>
            {
                var options = new ChaosOptions();
                configure(options);
                return CreateChaos(inner, options, context);
            },
            mayOverrun: true);
    }

    /// <summary>
    /// Runs requests through a Polly pipeline of one's own. Its strategies handle <see cref="Prediction"/>s by their
    /// <see cref="Prediction.Status"/>; answers of attempts that are not given are disposed. A refusal of Polly's becomes a status: an open
    /// circuit <see cref="PredictionStatus.CircuitOpen"/>, a timeout <see cref="PredictionStatus.DeadlineExceeded"/>, a rate limiter
    /// <see cref="PredictionStatus.Overloaded"/>.
    /// </summary>
    /// <param name="builder">The pipeline.</param>
    /// <param name="pipeline">The Polly pipeline; not disposed.</param>
    /// <returns>The same builder.</returns>
    public static PredictorBuilder UseResiliencePipeline(this PredictorBuilder builder, ResiliencePipeline<Prediction> pipeline)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(pipeline);
        return builder.UseBuiltIn(
            (inner, context) => new PollyPredictor(inner, context.IsWarmUp ? ResiliencePipeline<Prediction>.Empty : pipeline),
            mayOverrun: true);
    }

    /// <summary>As the other form, with options that were made beforehand.</summary>
    /// <param name="builder">The pipeline.</param>
    /// <param name="options">The options of the circuit breaker; not to be changed afterwards.</param>
    /// <returns>The same builder.</returns>
    public static PredictorBuilder UseCircuitBreaker(this PredictorBuilder builder, CircuitBreakerOptions options)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(options);
        return builder.UseCircuitBreaker(() => options);
    }

    /// <summary>As the other form, with options that were made beforehand.</summary>
    /// <param name="builder">The pipeline.</param>
    /// <param name="options">The options of the faults; not to be changed afterwards.</param>
    /// <returns>The same builder.</returns>
    public static PredictorBuilder UseChaos(this PredictorBuilder builder, ChaosOptions options)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(options);
        return builder.UseBuiltIn((inner, context) => CreateChaos(inner, options, context), mayOverrun: true);
    }

    private static PredictorBuilder UseFallback(this PredictorBuilder builder, Func<IPredictor, PipelineContext, FallbackChain> chain) =>
        builder.Use(new PipelineLayer { Stage = (inner, context) => new FallbackStage(chain(inner, context)), AsksOthers = true });

    private static PredictorBuilder UseCircuitBreaker(this PredictorBuilder builder, Func<CircuitBreakerOptions> options) =>
        builder.UseStage((inner, context) => CreateBreaker(inner, options(), context));

    private static CircuitBreakerStage CreateBreaker(IPredictor inner, CircuitBreakerOptions options, PipelineContext context)
    {
        var identity = context.Identity;
        Check(options.Validate(), "circuit breaker", identity);
        if (inner.GetService<ICircuitBreaker>() is not null)
            throw new InvalidOperationException(
                $"The pipeline of model '{identity.Name}' has a circuit breaker already. Call UseCircuitBreaker once.");
        if (inner.GetService<IStaleAnswers>() is not null)
        {
            throw new InvalidOperationException(
                $"UseCircuitBreaker of model '{identity.Name}' stands around its cache: "
                + "cached answers would be refused while the circuit is open. Move UseCircuitBreaker inside of UseCache.");
        }

        if (inner.GetService(typeof(ISubstitutesAnswers)) is { } other)
        {
            throw new InvalidOperationException(
                $"UseCircuitBreaker of model '{identity.Name}' stands around {other.GetType().Name}, "
                + "whose answers in the model's place would hide its failures. Move UseCircuitBreaker inside of it.");
        }

        foreach (var output in options.ProbabilityOutputs)
        {
            if (inner.Signature.IndexOfOutput(output) < 0)
            {
                throw new ArgumentException(
                    $"ProbabilityOutputs names '{output}', which model '{identity.Name}' does not have."
                        + $"{inner.Signature.NearestOutput(output)} It has: {inner.Signature.OutputNames}.");
            }
        }

        var (time, logger) = (context.Time, context.Logger);
        var metrics = CircuitMetrics.For(context.Meter);
        var breaker = new CircuitBreaker(identity, options, metrics, logger, time, context.Events);
        metrics.Add(breaker);
        var validator = new OutputValidator(options, context.IsWarmUp ? null : options.OutputCheck, inner.Signature, identity, logger);
        return new(breaker, validator, new(breaker, inner, validator, options, logger, time),
            new(breaker, options.SlowRunThreshold, context.ServiceLevel?.P99, time));
    }

    private static FallbackChain CreateFallback(IPredictor inner, IReadOnlyList<FallbackStep> steps, PipelineContext context)
    {
        var identity = context.Identity;
        if (context.IsWarmUp) return FallbackChain.Create(inner, identity.Name, steps, context);
        if (steps.Count == 0)
            throw new InvalidOperationException(
                $"The fallback chain of model '{identity.Name}' is empty. Name who answers: To(...), ThenStaleAnswer(), ThenValue(...).");
        if (inner.GetService<FallbackStatistics>() is not null)
            throw new InvalidOperationException(
                $"The pipeline of model '{identity.Name}' has a fallback chain already. Put all into one UseFallback.");

        foreach (var step in steps.OfType<ModelStep>())
        {
            if (!step.IsGiven && context.Models is null)
            {
                throw new InvalidOperationException(
                    $"The fallback chain of model '{identity.Name}' names model '{step.Name}', and without a host names mean nothing. "
                    + "Give the predictor: To(predictor).");
            }

            if (step.IsGiven) CheckTarget(inner, identity, step);
        }

        return FallbackChain.Create(inner, identity.Name, steps, context);
    }

    /// <summary>Refuses a target that is the model itself, or does not fit it.</summary>
    private static void CheckTarget(IPredictor inner, ModelIdentity identity, ModelStep step)
    {
        var target = step.Find(null!)!;
        inner = LimitedPredictor.Within(inner);
        if (ReferenceEquals(target, inner) || (step.After is not null && IsSameModel(inner, target)))
        {
            throw new InvalidOperationException(
                $"The fallback chain of model '{identity.Name}' leads back to the same model. It would fail for the same reason, and "
                + "beside itself on the same cores be no faster.");
        }

        var misfits = SignatureFit.Misfits(inner.Signature, target.Signature).ToList();
        if (misfits.Count > 0)
        {
            throw new InvalidOperationException(
                $"'{step.Name}' cannot stand in for model '{identity.Name}': {string.Join("; ", misfits)}. Put a layer around it that "
                + "translates, or take another.");
        }
    }

    /// <summary>Whether both are made of the same bytes.</summary>
    internal static bool IsSameModel(IPredictor one, IPredictor other) =>
        one.GetService<ModelIdentity>() is { Digest.Length: > 0 } identity && other.GetService<ModelIdentity>() is { } another
        && identity.Digest == another.Digest;

    private static IPredictor CreateChaos(IPredictor inner, ChaosOptions options, PipelineContext context)
    {
        if (context.IsWarmUp) return inner;
        var identity = context.Identity;
        Check(options.Validate(), "chaos", identity);
        if (!options.Enabled) return inner;
        if (inner.GetService<IStaleAnswers>() is not null)
        {
            throw new InvalidOperationException(
                $"UseChaos of model '{identity.Name}' stands around its cache, and would spoil answers that are kept for others. "
                + "Move UseChaos inside of UseCache.");
        }

        if (context.Logger is { } logger)
            LogMessages.ChaosEnabled(logger, identity.Name, options.LatencyRate, options.FailureRate, options.InvalidOutputRate);
        return new ChaosPredictor(inner, options, identity, context.Meter, context.Time);
    }

    private static void Check(IEnumerable<string> validation, string what, ModelIdentity identity)
    {
        var faults = validation.ToList();
        if (faults.Count > 0)
            throw new ArgumentException(
                $"The {what} options of model '{identity.Name}' are not valid: {string.Join(" ", faults)}", nameof(validation));
    }
}
