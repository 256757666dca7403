using System.Collections.Concurrent;
using MlServe.Batching;
using MlServe.Caching;
using MlServe.Features;
using MlServe.Onnx;
using MlServe.Resilience;

namespace MlServe;

/// <summary>
/// One model of a host; the options' name is the model's (<c>IOptionsMonitor&lt;ModelOptions&gt;.Get("digits")</c>). Read from the
/// configuration section <c>MlServing:Models:&lt;name&gt;</c>, whose values win over those of code. A change of a model that is loaded
/// loads it anew beside the version that answers: see <see cref="IModelVersions"/>.
/// </summary>
public sealed class ModelOptions
{
    // By the type of the options, which is a feature's own. Options are read by many threads, and made when they are first asked for.
    private readonly ConcurrentDictionary<Type, object> _options = new();
    private readonly ConcurrentDictionary<Type, bool> _isUsed = new();

    /// <summary>
    /// The path of the ONNX file; a relative one starts at the host's content root. Default: null, which is an error unless code gives the
    /// model another source.
    /// </summary>
    public string? Path { get; set; }

    /// <summary>
    /// The name of the version, for answers, metrics and logs: 1 to 64 ASCII letters, digits, '-', '_' and '.'. Default: <c>1</c>.
    /// </summary>
    public string Version { get; set; } = "1";

    /// <summary>
    /// Whether this is the model behind an <see cref="IPredictor"/> that is injected without a name; at most one is. Default: false, which
    /// is enough if there is only one model.
    /// </summary>
    public bool IsDefault { get; set; }

    /// <summary>
    /// Whether the host needs the model. The host starts also without one that is not required. It is tried again after 5 seconds, 10 and
    /// so on up to 5 minutes, and its requests are <see cref="PredictionStatus.NotReady"/> meanwhile. Health is then <c>Degraded</c>, not
    /// <c>Unhealthy</c>. Default: true, because a service without its model is no use.
    /// </summary>
    public bool Required { get; set; } = true;

    /// <summary>The model's promise to its callers, read by every feature that needs it. Default: nothing.</summary>
    public ServiceLevelOptions ServiceLevel => Get<ServiceLevelOptions>();

    /// <summary>How the model is opened and run.</summary>
    public OnnxModelOptions Onnx => Get<OnnxModelOptions>();

    /// <summary>Whether answers are kept and given again to equal requests. Default: false.</summary>
    public bool UseCache
    {
        get => IsUsed<CacheOptions>();
        set => Use<CacheOptions>(value);
    }

    /// <summary>How answers are kept, if <see cref="UseCache"/> says so.</summary>
    public CacheOptions Cache => Get<CacheOptions>();

    /// <summary>
    /// The stand-ins for a model that does not answer, in order. Default: nobody. In configuration it takes the place of what code has set.
    /// </summary>
    public IList<FallbackStepOptions> Fallback
    {
        get => Get<FallbackFeature.Options>().Steps;
        set => Get<FallbackFeature.Options>().Steps = value;
    }

    /// <summary>Whether requests that take too long are cut off. Default: false.</summary>
    public bool UseTimeout
    {
        get => IsUsed<TimeoutFeature.Options>();
        set => Use<TimeoutFeature.Options>(value);
    }

    /// <summary>
    /// How long a request may take if the call does not say, provided that <see cref="UseTimeout"/> says so; greater than 00:00:00.
    /// Default: null, ten times <see cref="ServiceLevelOptions.P99"/>, and 30 seconds if there is none.
    /// </summary>
    public TimeSpan? Timeout
    {
        get => Get<TimeoutFeature.Options>().Timeout;
        set => Get<TimeoutFeature.Options>().Timeout = value;
    }

    /// <summary>Whether requests are kept from a model that fails too often. Default: false.</summary>
    public bool UseCircuitBreaker
    {
        get => IsUsed<CircuitBreakerOptions>();
        set => Use<CircuitBreakerOptions>(value);
    }

    /// <summary>When requests are kept from it, if <see cref="UseCircuitBreaker"/> says so.</summary>
    public CircuitBreakerOptions CircuitBreaker => Get<CircuitBreakerOptions>();

    /// <summary>Faults to inject, for tests of the code around the model.</summary>
    public ChaosOptions Chaos => Get<ChaosOptions>();

    /// <summary>Whether requests are run together. Default: false.</summary>
    public bool UseBatching
    {
        get => IsUsed<BatchingOptions>();
        set => Use<BatchingOptions>(value);
    }

    /// <summary>How requests are run together, if <see cref="UseBatching"/> says so.</summary>
    public BatchingOptions Batching => Get<BatchingOptions>();

    /// <summary>Makes the source if code gives one; null: the file at <see cref="Path"/>.</summary>
    internal Func<IServiceProvider, IModelSource>? Source { get; set; }

    /// <summary>Makes or finds what answers in place of a model that is loaded here; null: there is a source.</summary>
    internal Func<IServiceProvider, IPredictor>? Predictor { get; set; }

    /// <summary>Whether the predictor belongs to somebody else, and is not disposed with the model.</summary>
    internal bool IsPredictorBorrowed { get; set; }

    /// <summary>
    /// Puts a predictor in the place of the model and its source, and leaves the batcher out: only models are batched. For a
    /// <c>PostConfigure</c>, as tests of a host need it; <see cref="ModelBuilder.FromPredictor(IPredictor)"/> is for applications.
    /// </summary>
    /// <param name="predictor">Answers in place of the model; not disposed.</param>
    public void ReplaceBy(IPredictor predictor)
    {
        ArgumentNullException.ThrowIfNull(predictor);
        (Path, Source, Predictor, IsPredictorBorrowed, IsReplaced) = (null, null, _ => predictor, true, true);
    }

    /// <summary>
    /// Takes the model from this source and no other: for a version that is loaded beside the live one
    /// (<see cref="IModelVersions.LoadAsync"/>). <see cref="ModelBuilder.FromSource(IModelSource)"/> is for the model itself.
    /// </summary>
    /// <param name="source">The source; not disposed.</param>
    public void ReplaceBy(IModelSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        (Path, Source, Predictor, IsReplaced) = (null, _ => source, null, false);
    }

    /// <summary>Whether a test has put the predictor in the model's place; it is not batched.</summary>
    internal bool IsReplaced { get; set; }

    /// <summary>The wrappers that code puts between the source and the load, innermost first.</summary>
    internal List<Func<IModelSource, IServiceProvider, IModelSource>> SourceWrappers { get; } = [];

    /// <summary>The layers that code adds around the model, outermost first; each is given the options that are in force.</summary>
    internal List<Action<PredictorBuilder, ModelOptions>> Layers { get; } = [];

    /// <summary>
    /// Whether code has said at which place among the layers the cache stands; else it is the innermost but for the batcher.
    /// </summary>
    internal bool IsCachePlaced { get; set; }

    /// <summary>
    /// The copy that was made of these options when they were validated, which a load takes; null: they were not, or are not valid.
    /// </summary>
    internal ModelOptions? Frozen { get; private set; }

    /// <summary>The types of all options that have been asked for.</summary>
    internal ICollection<Type> OptionsTypes => _options.Keys;

    /// <summary>The options of a feature, made with their defaults when they are first asked for.</summary>
    /// <typeparam name="TOptions">The feature's class of options.</typeparam>
    /// <returns>The options. They may be changed until the model is loaded; changes after the validation have no effect.</returns>
    public TOptions Get<TOptions>()
        where TOptions : class, new() => (TOptions)_options.GetOrAdd(typeof(TOptions), static _ => new TOptions());

    /// <summary>Whether the model uses a feature.</summary>
    /// <typeparam name="TOptions">The feature's class of options.</typeparam>
    /// <returns>Whether code or configuration has turned it on. Default: false.</returns>
    public bool IsUsed<TOptions>()
        where TOptions : class, new() => IsUsed(typeof(TOptions));

    /// <summary>Turns a feature on or off, as its switch in configuration does, which wins.</summary>
    /// <typeparam name="TOptions">The feature's class of options.</typeparam>
    /// <param name="use">Whether the model uses it.</param>
    public void Use<TOptions>(bool use = true)
        where TOptions : class, new()
    {
        _ = Get<TOptions>();
        _isUsed[typeof(TOptions)] = use;
    }

    /// <summary>The stand-ins for the model, as the options in force say.</summary>
    internal IReadOnlyList<FallbackStep> FallbackSteps() => (Frozen ?? this).Get<FallbackFeature.Options>().ToSteps();

    internal bool IsUsed(Type options) => _isUsed.GetValueOrDefault(options);

    internal bool Has(Type options) => _options.ContainsKey(options);

    internal object Get(ModelFeature feature) => _options.GetOrAdd(feature.OptionsType, static (_, feature) => feature.Create(), feature);

    internal void Use(ModelFeature feature, bool use = true)
    {
        _ = Get(feature);
        _isUsed[feature.OptionsType] = use;
    }

    /// <summary>Puts a copy in the place of a feature's options: code may have given one object to several models.</summary>
    internal object CopyOf(ModelFeature feature) => _options[feature.OptionsType] = feature.CopyObject(Get(feature));

    /// <summary>Takes the copy that a load uses.</summary>
    internal void Freeze(FeatureCatalog features)
    {
        ModelOptions frozen = new()
        {
            Path = Path,
            Version = Version,
            IsDefault = IsDefault,
            Required = Required,
            Source = Source,
            Predictor = Predictor,
            IsPredictorBorrowed = IsPredictorBorrowed,
            IsReplaced = IsReplaced,
            IsCachePlaced = IsCachePlaced,
        };
        frozen.SourceWrappers.AddRange(SourceWrappers);
        frozen.Layers.AddRange(Layers);
        foreach (var feature in features.Features.Where(feature => Has(feature.OptionsType)))
            frozen._options[feature.OptionsType] = feature.CopyObject(Get(feature));
        foreach (var (options, use) in _isUsed)
            frozen._isUsed[options] = use;
        Frozen = frozen;
    }

    /// <summary>Names the faults of values that are no feature's: one message each, which begins with the option.</summary>
    internal IEnumerable<string> Validate()
    {
        if (Source is null && Predictor is null && string.IsNullOrWhiteSpace(Path))
        {
            yield return $"{nameof(Path)} is missing, and the model has no other source. Set it to the path of an ONNX file, or call "
                + "FromFile, FromBytes, FromSource or FromPredictor where the model is added in code.";
        }

        if (Path is not null && Path.Contains('\0', StringComparison.Ordinal))
            yield return $"{nameof(Path)} holds a null character, which no path may.";
        if (ModelName.ProblemOf(Version) is { } problem) yield return $"{nameof(Version)} is '{Version}'; {problem}";
    }

    /// <summary>The faults in the chain of configuration beside the other options.</summary>
    internal IEnumerable<string> ValidateChain()
    {
        // A layer or a predictor of the application's may keep answers as well.
        if (UseCache || Predictor is not null || Layers.Count > (IsCachePlaced ? 1 : 0)) yield break;
        for (var i = 0; i < Fallback.Count; i++)
        {
            if (Fallback[i].StaleAnswer)
                yield return $"{nameof(Fallback)}:{i}:{nameof(FallbackStepOptions.StaleAnswer)} is true, and nobody keeps answers. Set "
                    + $"{nameof(UseCache)} of the model to true, or take this out of the chain.";
        }
    }
}
