using MlServe.Batching;
using MlServe.Caching;
using MlServe.Onnx;
using MlServe.Resilience;

namespace MlServe;

/// <summary>
/// One model of a host; the options' name is the model's (<c>IOptionsMonitor&lt;ModelOptions&gt;.Get("digits")</c>). Read from the configuration
/// section <c>MlServing:Models:&lt;name&gt;</c>, whose values win over those of code. They hold from the load on: a later change needs a restart.
/// </summary>
public sealed class ModelOptions
{
    /// <summary>
    /// The path of the ONNX file; a relative one starts at the host's content root. Default: null, which is an error unless code gives the model
    /// another source.
    /// </summary>
    public string? Path { get; set; }

    /// <summary>
    /// The name of the version, for answers, metrics and logs: 1 to 64 ASCII letters, digits, '-', '_' and '.'. Default: <c>1</c>.
    /// </summary>
    public string Version { get; set; } = "1";

    /// <summary>
    /// Whether this is the model behind an <see cref="IPredictor"/> that is injected without a name; at most one is. Default: false, which is enough where
    /// there is only one model.
    /// </summary>
    public bool IsDefault { get; set; }

    /// <summary>
    /// Whether the host needs the model. Without one that is not required the host starts all the same; it is tried again after 5 seconds, 10 and so on up to 5 minutes, and
    /// its requests are <see cref="PredictionStatus.NotReady"/> meanwhile. Health is then <c>Degraded</c>, not <c>Unhealthy</c>. Default: true, because a service without its model is no use.
    /// </summary>
    public bool Required { get; set; } = true;

    /// <summary>What the model promises its callers, read by whoever needs it. Default: nothing.</summary>
    public ServiceLevelOptions ServiceLevel { get; } = new();

    /// <summary>How the model is opened and run.</summary>
    public OnnxModelOptions Onnx { get; } = new();

    /// <summary>Whether answers are kept and given again to equal requests. Default: false.</summary>
    public bool UseCache { get; set; }

    /// <summary>How answers are kept, where <see cref="UseCache"/> says so.</summary>
    public CacheOptions Cache { get; } = new();

    /// <summary>Who answers in the model's place where it does not, in order. Default: nobody. In configuration it takes the place of what code has set.</summary>
    public IList<FallbackStepOptions> Fallback { get; set; } = [];

    /// <summary>Whether requests that take too long are cut off. Default: false.</summary>
    public bool UseTimeout { get; set; }

    /// <summary>
    /// How long a request may take where the call does not say, if <see cref="UseTimeout"/> says so; greater than 00:00:00. Default: null, ten times
    /// <see cref="ServiceLevelOptions.P99"/>, and 30 seconds where there is none.
    /// </summary>
    public TimeSpan? Timeout { get; set; }

    /// <summary>Whether requests are kept from a model that fails too often. Default: false.</summary>
    public bool UseCircuitBreaker { get; set; }

    /// <summary>When requests are kept from it, where <see cref="UseCircuitBreaker"/> says so.</summary>
    public CircuitBreakerOptions CircuitBreaker { get; } = new();

    /// <summary>Faults to inject, for tests of what is around the model.</summary>
    public ChaosOptions Chaos { get; } = new();

    /// <summary>Whether requests are run together. Default: false.</summary>
    public bool UseBatching { get; set; }

    /// <summary>How requests are run together, where <see cref="UseBatching"/> says so.</summary>
    public BatchingOptions Batching { get; } = new();

    /// <summary>Makes the source where code gives one; null: the file at <see cref="Path"/>.</summary>
    internal Func<IServiceProvider, IModelSource>? Source { get; set; }

    /// <summary>Makes or finds what answers in place of a model that is loaded here; null: there is a source.</summary>
    internal Func<IServiceProvider, IPredictor>? Predictor { get; set; }

    /// <summary>Whether the predictor belongs to somebody else, and is not disposed with the model.</summary>
    internal bool IsPredictorBorrowed { get; set; }

    /// <summary>
    /// Puts a predictor in the place of the model, whatever was said of where it comes from, and switches <see cref="UseBatching"/> off:
    /// only models are batched. For a
    /// <c>PostConfigure</c>, as tests of a host need it; <see cref="ModelBuilder.FromPredictor(IPredictor)"/> is for applications.
    /// </summary>
    /// <param name="predictor">Answers in place of the model; not disposed.</param>
    public void ReplaceBy(IPredictor predictor)
    {
        ArgumentNullException.ThrowIfNull(predictor);
        (Path, Source, Predictor, IsPredictorBorrowed, UseBatching) = (null, null, _ => predictor, true, false);
    }

    /// <summary>What code puts between the source and the load, innermost first.</summary>
    internal List<Func<IModelSource, IServiceProvider, IModelSource>> SourceWrappers { get; } = [];

    /// <summary>What code adds around the model, outermost first.</summary>
    internal List<Action<PredictorBuilder>> Layers { get; } = [];

    /// <summary>Who answers in the model's place, as code says it.</summary>
    internal Action<FallbackBuilder>? FallbackChain { get; set; }

    /// <summary>Whether code has said where among the layers the cache stands; else it is the innermost but for the batcher.</summary>
    internal bool IsCachePlaced { get; set; }

    /// <summary>Who answers in the model's place: as configuration says it, else as code does.</summary>
    internal IReadOnlyList<FallbackStep> FallbackSteps()
    {
        if (Fallback.Count == 0)
        {
            var chain = new FallbackBuilder();
            FallbackChain?.Invoke(chain);
            return chain.Steps;
        }

        return [.. Fallback.Select(static FallbackStep (step) =>
        {
            if (!string.IsNullOrWhiteSpace(step.Model)) return new ModelStep(step.Model) { After = step.After };
            if (step.StaleAnswer) return new StaleAnswerStep();
            var value = new ValueStep();
            foreach (var (output, row) in step.Value)
                value.AddNumbers(output, [.. row]);
            return value;
        })];
    }

    /// <summary>Says what is wrong with the values: one message each, which begins with the option.</summary>
    internal IEnumerable<string> Validate()
    {
        if (Source is null && Predictor is null && string.IsNullOrWhiteSpace(Path))
        {
            yield return $"{nameof(Path)} is missing, and the model has no other source. Set it to the path of an ONNX file, or call FromFile, "
                + "FromBytes, FromSource or FromPredictor where the model is added in code.";
        }

        if (Path is not null && Path.Contains('\0', StringComparison.Ordinal))
            yield return $"{nameof(Path)} holds a null character, which no path may.";
        if (ModelName.ProblemOf(Version) is { } problem) yield return $"{nameof(Version)} is '{Version}'; {problem}";
        if (ServiceLevel.ToServiceLevel().Validate() is { } level) yield return $"{nameof(ServiceLevel)}:{level}";
        foreach (var message in Onnx.Validate())
            yield return $"{nameof(Onnx)}:{message}";
        foreach (var message in Cache.Validate())
            yield return $"{nameof(Cache)}:{message}";
        if (Timeout <= TimeSpan.Zero) yield return $"{nameof(Timeout)} is {Timeout}; it must be greater than 00:00:00.";
        foreach (var message in CircuitBreaker.Validate())
            yield return $"{nameof(CircuitBreaker)}:{message}";
        foreach (var message in Chaos.Validate())
            yield return $"{nameof(Chaos)}:{message}";
        for (var i = 0; i < Fallback.Count; i++)
        {
            foreach (var message in Fallback[i].Validate(isFirst: i == 0))
                yield return $"{nameof(Fallback)}:{i}{message}";
        }

        foreach (var message in Batching.Validate())
            yield return $"{nameof(Batching)}:{message}";
    }
}
