using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using MlServe.Batching;
using MlServe.Caching;
using MlServe.Configuration;
using MlServe.Hosting;
using MlServe.Onnx;
using MlServe.Resilience;
using Polly;

namespace MlServe;

/// <summary>
/// Says where a model comes from, how it is run and what is around it. Values in configuration win over what is said here. Not safe for concurrent
/// use.
/// </summary>
public sealed class ModelBuilder
{
    private readonly Registrations _registrations;

    internal ModelBuilder(IServiceCollection services, string name, Registrations registrations)
    {
        Services = services;
        Name = name;
        _registrations = registrations;
    }

    /// <summary>The name of the model.</summary>
    public string Name { get; }

    /// <summary>The services of the host.</summary>
    public IServiceCollection Services { get; }

    /// <summary>Takes the model from a file.</summary>
    /// <param name="path">The path of the ONNX file; a relative one starts at the host's content root.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder FromFile(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        return Configure(options => (options.Path, options.Source) = (path, null));
    }

    /// <summary>Takes the model from memory.</summary>
    /// <param name="bytes">The content of the ONNX file; must not change.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder FromBytes(ReadOnlyMemory<byte> bytes)
    {
        var source = ModelSource.FromBytes(bytes);
        return FromSource(source);
    }

    /// <summary>Takes the model from a source.</summary>
    /// <param name="source">The source; not disposed.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder FromSource(IModelSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return FromSource(_ => source);
    }

    /// <summary>Takes the model from a source that needs services.</summary>
    /// <param name="sourceFactory">Makes or finds the source, at each load; it is not disposed.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder FromSource(Func<IServiceProvider, IModelSource> sourceFactory)
    {
        ArgumentNullException.ThrowIfNull(sourceFactory);
        return Configure(options => (options.Path, options.Source) = (null, sourceFactory));
    }

    /// <summary>
    /// Puts a source of your own around the one that the model comes from, wherever that is said: before or after this, or in configuration. One that is added later is given
    /// what the earlier made.
    /// </summary>
    /// <param name="wrap">Is given the source and the host's services, at each load; what it makes is not disposed.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder WrapSource(Func<IModelSource, IServiceProvider, IModelSource> wrap)
    {
        ArgumentNullException.ThrowIfNull(wrap);
        return Configure(options => options.SourceWrappers.Add(wrap));
    }

    /// <summary>Names the version.</summary>
    /// <param name="version">See <see cref="ModelOptions.Version"/>.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder WithVersion(string version)
    {
        ArgumentNullException.ThrowIfNull(version);
        return Configure(options => options.Version = version);
    }

    /// <summary>Says what the model promises its callers. What is left out stays as it was.</summary>
    /// <param name="p99">See <see cref="ServiceLevelOptions.P99"/>.</param>
    /// <param name="availability">See <see cref="ServiceLevelOptions.Availability"/>.</param>
    /// <param name="peakRps">See <see cref="ServiceLevelOptions.PeakRps"/>.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder WithServiceLevel(TimeSpan? p99 = null, double? availability = null, double? peakRps = null) => Configure(options =>
    {
        options.ServiceLevel.P99 = p99 ?? options.ServiceLevel.P99;
        options.ServiceLevel.Availability = availability ?? options.ServiceLevel.Availability;
        options.ServiceLevel.PeakRps = peakRps ?? options.ServiceLevel.PeakRps;
    });

    /// <summary>States the batch axis of every input that has one, in place of finding it.</summary>
    /// <param name="axis">From 0.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder WithBatchAxis(int axis) => ConfigureOnnx(onnx => onnx.BatchAxis = axis);

    /// <summary>States the batch axis of one input. Inputs that are not named hold for all rows.</summary>
    /// <param name="input">The name of the model's input.</param>
    /// <param name="axis">From 0.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder WithBatchAxis(string input, int axis)
    {
        ArgumentNullException.ThrowIfNull(input);
        return ConfigureOnnx(onnx => onnx.BatchAxes[input] = axis);
    }

    /// <summary>Says that the model takes one row at a time.</summary>
    /// <returns>This builder.</returns>
    public ModelBuilder WithoutBatching() => ConfigureOnnx(static onnx => onnx.BatchDetection = BatchDetection.None);

    /// <summary>Gives rows to find the batch axis and to warm up with, in place of random numbers.</summary>
    /// <param name="rows">Two or more that differ are best; their memory must not change.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder WithSampleInput(params PredictionInputs[] rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return ConfigureOnnx(onnx =>
        {
            foreach (var row in rows)
                onnx.SampleInputs.Add(row);
        });
    }

    /// <summary>Says with how many rows to warm up.</summary>
    /// <param name="rows">See <see cref="OnnxModelOptions.WarmUpRows"/>.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder WithWarmUp(params int[] rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return ConfigureOnnx(onnx => onnx.WarmUpRows = [.. rows]);
    }

    /// <summary>Runs the model on the processor, after the execution providers named before.</summary>
    /// <returns>This builder.</returns>
    public ModelBuilder UseCpu() => UseExecutionProvider(ExecutionProvider.Cpu);

    /// <summary>Runs the model on an NVIDIA GPU, after the execution providers named before.</summary>
    /// <param name="deviceId">Which GPU, from 0.</param>
    /// <param name="requirement">What happens where there is none.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder UseCuda(int deviceId = 0, ProviderRequirement requirement = ProviderRequirement.ElseNext) =>
        UseExecutionProvider(ExecutionProvider.Cuda, requirement, deviceId);

    /// <summary>Runs the model on an execution provider, after those named before.</summary>
    /// <param name="provider">Which one.</param>
    /// <param name="requirement">What happens where it cannot be had.</param>
    /// <param name="deviceId">Which device, from 0.</param>
    /// <param name="settings">See <see cref="ExecutionProviderOptions.Settings"/>.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder UseExecutionProvider(
        ExecutionProvider provider, ProviderRequirement requirement = ProviderRequirement.ElseNext, int deviceId = 0,
        IEnumerable<KeyValuePair<string, string>>? settings = null) => ConfigureOnnx(onnx => onnx.ExecutionProviders.Add(new()
        {
            Provider = provider,
            Requirement = requirement,
            DeviceId = deviceId,
            Settings = new Dictionary<string, string>(settings ?? [], StringComparer.Ordinal),
        }));

    /// <summary>Sets what this builder has no method for.</summary>
    /// <param name="configure">Changes the options.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder ConfigureOnnx(Action<OnnxModelOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return Configure(options => configure(options.Onnx));
    }

    /// <summary>Adds a decorator inside of those added before; see <see cref="PredictorBuilder.Use(Func{IPredictor, IPredictor})"/>.</summary>
    /// <param name="decorate">Makes the decorator around the rest of the pipeline.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder Use(Func<IPredictor, IPredictor> decorate)
    {
        ArgumentNullException.ThrowIfNull(decorate);
        return ConfigurePipeline(pipeline => pipeline.Use(decorate));
    }

    /// <summary>Adds a decorator that needs services inside of those added before; the model's <see cref="ServiceLevel"/> is among the services.</summary>
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
        return Configure(options => options.Layers.Add(configure));
    }

    /// <summary>
    /// Keeps answers and gives them again to equal requests, inside of the layers added before. Where only configuration says so, the cache is the innermost layer but for
    /// the batcher.
    /// </summary>
    /// <param name="configure">Changes the defaults; configuration wins over it.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder UseCache(Action<CacheOptions>? configure = null) => Configure(options =>
    {
        options.UseCache = true;
        configure?.Invoke(options.Cache);
        if (options.IsCachePlaced) return;
        options.IsCachePlaced = true;
        options.Layers.Add(pipeline =>
        {
            if (options.UseCache) pipeline.UseCache(options.Cache);
        });
    });

    /// <summary>Keeps answers also in the host's <c>HybridCache</c>, for other processes and the next start; together with <see cref="UseCache"/>.</summary>
    /// <returns>This builder.</returns>
    public ModelBuilder UseHybridCache() => UseCache(static cache => cache.UseHybridCache = true);

    /// <summary>
    /// Says who answers where the model does not, loaded or not: a simpler model, an earlier answer, a constant, a function. Always the outermost layer but for telemetry. Said again, it replaces what was said
    /// before.
    /// </summary>
    /// <param name="configure">Says who answers, in order.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder UseFallback(Action<FallbackBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return Configure(options => options.FallbackChain = configure);
    }

    /// <summary>
    /// Cuts requests off that take too long. Always directly around the circuit breaker, or where that would stand.
    /// </summary>
    /// <param name="timeout">See <see cref="ModelOptions.Timeout"/>; configuration wins over it.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder UseTimeout(TimeSpan? timeout = null) => Configure(options =>
    {
        options.UseTimeout = true;
        options.Timeout = timeout ?? options.Timeout;
    });

    /// <summary>
    /// Keeps requests from a model that fails too often, runs too long or gives invalid answers; each version has a circuit of its own. Always directly around the batcher, or the
    /// model.
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
    /// Says which faults to inject into the model, inside of the circuit breaker, where configuration enables that: <c>Chaos:Enabled</c> of the model. What code sets there has no effect.
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
    /// Runs requests together: batches form while the model is busy and start when it is free. Always the innermost layer, whatever stands before or
    /// after it here.
    /// </summary>
    /// <param name="configure">Changes the defaults; configuration wins over it.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder UseBatching(Action<BatchingOptions>? configure = null) => Configure(options =>
    {
        options.UseBatching = true;
        configure?.Invoke(options.Batching);
    });

    /// <summary>
    /// The layers that a service is best off with, with their defaults and in the right order: a stale answer as the last resort (where nothing was said by
    /// <see cref="UseFallback"/>), <see cref="UseCache"/>, <see cref="UseTimeout"/>, <see cref="UseCircuitBreaker"/> and <see cref="UseBatching"/>. Each can be changed by its own
    /// method and switched off in configuration.
    /// </summary>
    /// <returns>This builder.</returns>
    public ModelBuilder UseStandardPipeline() =>
        Configure(static options => options.FallbackChain ??= static fallback => fallback.ThenStaleAnswer())
            .UseCache().UseTimeout().UseCircuitBreaker().UseBatching();

    /// <summary>Makes this the model behind an <see cref="IPredictor"/> that is injected without a name.</summary>
    /// <returns>This builder.</returns>
    public ModelBuilder AsDefault() => Configure(static options => options.IsDefault = true);

    /// <summary>
    /// Opens a typed door to the model: <see cref="IPredictor{TInput, TOutput}"/> is injected by the model's name, and without a name where this is the only
    /// model with such a door, or the default.
    /// </summary>
    /// <typeparam name="TInput">What the application asks with.</typeparam>
    /// <typeparam name="TOutput">What the application wants to know.</typeparam>
    /// <param name="mapper">Translates both ways; not disposed.</param>
    /// <returns>This builder.</returns>
    public ModelBuilder As<TInput, TOutput>(IPredictionMapper<TInput, TOutput> mapper)
    {
        ArgumentNullException.ThrowIfNull(mapper);
        return As(_ => mapper);
    }

    /// <inheritdoc cref="As{TInput, TOutput}(IPredictionMapper{TInput, TOutput})" path="/*[not(self::param)]" />
    /// <param name="encode">See <see cref="IPredictionMapper{TInput, TOutput}.Encode"/>.</param>
    /// <param name="decode">See <see cref="IPredictionMapper{TInput, TOutput}.Decode"/>.</param>
    public ModelBuilder As<TInput, TOutput>(Action<TInput, PredictionInputWriter> encode, Func<Prediction, TOutput> decode) =>
        As(PredictionMapper.Create(encode, decode));

    /// <summary>Opens a typed door to the model, as the other overloads do, by a mapper that the container makes.</summary>
    /// <typeparam name="TInput">What the application asks with.</typeparam>
    /// <typeparam name="TOutput">What the application wants to know.</typeparam>
    /// <typeparam name="TMapper">The mapper, which may need services; added as a singleton unless it is registered.</typeparam>
    /// <returns>This builder.</returns>
    public ModelBuilder As<TInput, TOutput, [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TMapper>()
        where TMapper : class, IPredictionMapper<TInput, TOutput>
    {
        Services.TryAddSingleton<TMapper>();
        return As<TInput, TOutput>(static services => services.GetRequiredService<TMapper>());
    }

    private ModelBuilder As<TInput, TOutput>(Func<IServiceProvider, IPredictionMapper<TInput, TOutput>> mapperOf)
    {
        var name = Name;
        _registrations.Doors.Add((typeof(IPredictor<TInput, TOutput>), name));
        Services.AddKeyedSingleton<IPredictor<TInput, TOutput>>(
            name, (services, _) => new ModelDoor<TInput, TOutput>(services.GetRequiredService<PredictorProvider>().GetPredictor(name), mapperOf(services)));
        Services.TryAddSingleton(static services => services.GetRequiredKeyedService<IPredictor<TInput, TOutput>>(
            services.GetRequiredService<PredictorProvider>()
                .ModelOfDoor(typeof(IPredictor<TInput, TOutput>), $"IPredictor<{typeof(TInput).Name}, {typeof(TOutput).Name}>")));
        return this;
    }

    private ModelBuilder Configure(Action<ModelOptions> configure)
    {
        Services.Configure(Name, configure);
        return this;
    }
}
