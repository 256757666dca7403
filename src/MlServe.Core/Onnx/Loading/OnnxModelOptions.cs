using MlServe.Onnx.Inspection;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>How an ONNX model is opened and run. The defaults are meant for a web service on a shared machine.</summary>
public sealed class OnnxModelOptions
{
    /// <summary>
    /// Execution providers in the order of preference. Default: empty, which means <see cref="ExecutionProvider.Cpu"/>: it is in every
    /// package and needs no driver.
    /// </summary>
    public IList<ExecutionProviderOptions> ExecutionProviders { get; set; } = [];

    /// <summary>
    /// Threads that work on one operator, 0 to 1024; 0: one for each core that the process may use (a container's limit counted). Default:
    /// 1, because a service has its parallelism from many requests: one thread each is faster in sum and leaves the host's threads alone.
    /// </summary>
    public int IntraOpThreads { get; set; } = 1;

    /// <summary>
    /// Operators that run at once, 1 to 1024; more than 1 turns on the runtime's parallel execution. Default: 1, because few models have
    /// branches that are worth a thread.
    /// </summary>
    public int InterOpThreads { get; set; } = 1;

    /// <summary>
    /// Sessions of the model, 1 to 64, which lanes take in turn; each has the weights in memory once more. Default: 1. Worth 2 or more only
    /// for models of some microseconds, if one session that all lanes share is a bottleneck of its own.
    /// </summary>
    public int Sessions { get; set; } = 1;

    /// <summary>
    /// Whether the model uses the process's one thread pool (<see cref="OnnxRuntimeOptions.SharedThreadPoolThreads"/>) instead of its own.
    /// Default: false, because with one thread a model needs no pool at all. Worth it for many models with several threads each.
    /// </summary>
    public bool UseSharedThreadPool { get; set; }

    /// <summary>
    /// Whether pool threads spin while they wait for work. Default: false, because spinning takes processor time from the host between
    /// requests; it saves some microseconds an operator if threads are more than 1.
    /// </summary>
    public bool AllowSpinning { get; set; }

    /// <summary>How far the graph is optimized. Default: <see cref="GraphOptimization.All"/>.</summary>
    public GraphOptimization Optimization { get; set; } = GraphOptimization.All;

    /// <summary>
    /// A folder in which optimized models are kept, by digest, runtime version, processor and options, so that the next start skips the
    /// work. Beside them lie the findings of trials, which the next start takes over unless <see cref="SampleInputs"/> are stated. Created
    /// if it does not exist. Its files are known again by a key (<see cref="SealKeyFile"/>). Default: null, nothing is written.
    /// </summary>
    public string? OptimizedModelCacheFolder { get; set; }

    /// <summary>
    /// The file of the key by which entries of <see cref="OptimizedModelCacheFolder"/> are known again; only its owner may read it. Made if
    /// it does not exist. Default: null, <c>MlServe/seal.key</c> among the user's own data. If the user has no place for data, the folder
    /// is used only if nobody else can write it.
    /// </summary>
    public string? SealKeyFile { get; set; }

    /// <summary>
    /// Whether the runtime keeps freed memory for the next run. Default: true, because allocating anew costs more than a small model's run;
    /// false gives memory back after each run.
    /// </summary>
    public bool UseArena { get; set; } = true;

    /// <summary>
    /// Sizes for named free axes, fixed at load so that the graph is optimized for them. Default: none. Not for the batch axis.
    /// </summary>
    public IDictionary<string, long> FreeDimensions { get; set; } = new Dictionary<string, long>(StringComparer.Ordinal);

    /// <summary>
    /// Raw session entries, as ONNX Runtime's <c>onnxruntime_session_options_config_keys.h</c> names them; they win over the options above.
    /// Default: none. The runtime accepts unknown keys silently.
    /// </summary>
    public IDictionary<string, string> SessionEntries { get; set; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>
    /// Whether the model may keep weights in other files of its own folder. Default: false, because a model file is not trusted until it is
    /// verified, and its digest does not cover other files.
    /// </summary>
    public bool AllowExternalData { get; set; }

    /// <summary>
    /// Bytes of the model file beyond which it is refused, 1 to 2,147,483,591. Default: 2,147,483,591, the most that an ONNX file can have;
    /// weights in other files are not counted.
    /// </summary>
    public long MaxModelBytes { get; set; } = Array.MaxLength;

    /// <summary>The most that the inspection before the load accepts.</summary>
    public OnnxInspectionLimits InspectionLimits { get; } = new();

    /// <summary>
    /// How long reading the model may take, and then how long opening it, trying it and warming it up may take. Range: 00:00:01 to
    /// 1.00:00:00 each. Default: 00:10:00, far beyond what a model takes that gets there; TensorRT, which builds its engines at load, may
    /// need more.
    /// </summary>
    public TimeSpan LoadTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// Whether the model is run while it is loaded: to find its batch axis and to warm up. Default: true. If false, nothing of it runs
    /// before the first request; state its batch axis then.
    /// </summary>
    public bool RunAtLoad { get; set; } = true;

    /// <summary>
    /// Whether the model is first loaded and tried in a process of its own. Default: <see cref="ModelVerification.None"/>, because that
    /// takes the tool <c>mlserve</c> and about a second; for models of others <see cref="ModelVerification.InChildProcess"/>.
    /// </summary>
    public ModelVerification Verify { get; set; }

    /// <summary>How it is verified, if <see cref="Verify"/> says so.</summary>
    public VerificationOptions Verification { get; } = new();

    /// <summary>How the batch axis is found. Default: <see cref="BatchDetection.Probe"/>.</summary>
    public BatchDetection BatchDetection { get; set; }

    /// <summary>
    /// The batch axis of every input that has one there, from 0; the last word. Default: null, found by <see cref="BatchDetection"/>.
    /// </summary>
    public int? BatchAxis { get; set; }

    /// <summary>
    /// The batch axis of single inputs by name, from 0; the last word. Inputs that are not named hold for all rows. Default: none.
    /// </summary>
    public IDictionary<string, int> BatchAxes { get; set; } = new Dictionary<string, int>(StringComparer.Ordinal);

    /// <summary>
    /// By which share of an output's magnitude a row may differ in company, as rounding, before requests of several callers are no longer
    /// run together. Range: greater than 0, up to 1. Default: 0.0001. Kernels for other sizes add in another order, which makes 0 to
    /// 0.00001 in most models. A model that makes more of it would show its callers who else asks. Outputs of 16 bits may differ by four of
    /// their last digits all the same. A stated axis is not held to it.
    /// </summary>
    public double BatchTolerance { get; set; } = ModelSignature.DefaultRowTolerance;

    /// <summary>
    /// Rows to find the batch axis and to warm up with, in place of seeded random numbers; two or more that differ are best. Default: none.
    /// Needed if random numbers are not valid inputs. Their memory must stay unchanged.
    /// </summary>
    public IList<PredictionInputs> SampleInputs { get; } = [];

    /// <summary>
    /// The values that single inputs may hold besides finite numbers, by name; <c>*</c> stands for inputs that are not named. The last
    /// word. Default: none, which means what trial rows show at load: a kind that is answered finitely may come. All else is refused as
    /// <see cref="PredictionStatus.Invalid"/>, because one NaN makes an answer worthless without a word.
    /// </summary>
    public IDictionary<string, NonFiniteValues> NonFiniteInputs { get; set; } = new Dictionary<string, NonFiniteValues>(
        StringComparer.Ordinal);

    /// <summary>
    /// How long a load tries whether the model takes NaN and infinities, from the beginning of its trials on. Inputs that there is no time
    /// for take finite numbers only, and the log says so. Range: 00:00:00 to 00:01:00. Default: 00:00:00.5000000, enough for 20 inputs at
    /// 2 ms a run. Trials of rows in company are not cut short by it: a wrong answer would be the price.
    /// </summary>
    public TimeSpan TrialTime { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// The numbers of rows to run before the model counts as ready, each 1 to 65,536; more than 1 only if the model is batchable.
    /// Default: empty, which means 1. A batcher adds the sizes that it will use.
    /// </summary>
    public IList<int> WarmUpRows { get; set; } = [];

    /// <summary>
    /// Runs of each warm-up size, 0 to 1000; 0: no warm-up. Default: 3, because the first run sizes the arena and the second is compiled.
    /// </summary>
    public int WarmUpRuns { get; set; } = 3;

    /// <summary>
    /// Requests that may wait for a free core before new ones are refused as <see cref="PredictionStatus.Overloaded"/>, 0 to 1,000,000.
    /// Default: 1024: longer queues only make every answer late.
    /// </summary>
    public int MaxQueuedRequests { get; set; } = 1024;

    /// <summary>
    /// Bytes of one request's inputs beyond which it is refused as <see cref="PredictionStatus.TooLarge"/>, 1 to 2,147,483,591. Default:
    /// 256 MiB. A text counts as 8 bytes and 2 for each character.
    /// </summary>
    public long MaxRequestBytes { get; set; } = 256L * 1024 * 1024;

    /// <summary>
    /// Bytes of input and output buffers that idle lanes of the direct path may keep, 0 or more. Default: 256 MiB. Behind a batcher they
    /// count in its <c>MaxLaneBytes</c> as well.
    /// </summary>
    public long MaxIdleLaneBytes { get; set; } = 256L * 1024 * 1024;

    /// <summary>Names the faults of the values, one message each; none if there is no fault.</summary>
    /// <returns>Messages that name the option, its value and its range.</returns>
    public IEnumerable<string> Validate()
    {
        if (IntraOpThreads is < 0 or > 1024) yield return Range(nameof(IntraOpThreads), IntraOpThreads, "0 to 1024");
        if (InterOpThreads is < 1 or > 1024) yield return Range(nameof(InterOpThreads), InterOpThreads, "1 to 1024");
        if (Sessions is < 1 or > 64) yield return Range(nameof(Sessions), Sessions, "1 to 64");
        if (!Enum.IsDefined(Optimization)) yield return Range(nameof(Optimization), Optimization, "None, Basic, Extended or All");
        if (!Enum.IsDefined(BatchDetection)) yield return Range(nameof(BatchDetection), BatchDetection, "Probe or None");
        if (BatchAxis is < 0) yield return Range(nameof(BatchAxis), BatchAxis, "0 or more");
        if (!(BatchTolerance is > 0 and <= 1)) yield return Range(nameof(BatchTolerance), BatchTolerance, "greater than 0, up to 1");
        if (MaxModelBytes < 1 || MaxModelBytes > Array.MaxLength)
            yield return Range(nameof(MaxModelBytes), MaxModelBytes, $"1 to {Array.MaxLength}");
        foreach (var message in InspectionLimits.Validate())
            yield return $"{nameof(InspectionLimits)}:{message}";
        if (LoadTimeout < TimeSpan.FromSeconds(1) || LoadTimeout > TimeSpan.FromDays(1))
            yield return Range(nameof(LoadTimeout), LoadTimeout, "00:00:01 to 1.00:00:00");
        if (TrialTime < TimeSpan.Zero || TrialTime > TimeSpan.FromMinutes(1))
            yield return Range(nameof(TrialTime), TrialTime, "00:00:00 to 00:01:00");
        if (!Enum.IsDefined(Verify)) yield return Range(nameof(Verify), Verify, "None or InChildProcess");
        foreach (var message in Verification.Validate())
            yield return $"{nameof(Verification)}:{message}";
        if (WarmUpRuns is < 0 or > 1000) yield return Range(nameof(WarmUpRuns), WarmUpRuns, "0 to 1000");
        if (MaxQueuedRequests is < 0 or > 1_000_000) yield return Range(nameof(MaxQueuedRequests), MaxQueuedRequests, "0 to 1000000");
        if (MaxRequestBytes < 1 || MaxRequestBytes > Array.MaxLength)
            yield return Range(nameof(MaxRequestBytes), MaxRequestBytes, $"1 to {Array.MaxLength}");
        if (MaxIdleLaneBytes < 0) yield return Range(nameof(MaxIdleLaneBytes), MaxIdleLaneBytes, "0 or more");
        if (BatchAxis is not null && BatchAxes.Count > 0)
            yield return $"{nameof(BatchAxis)} and {nameof(BatchAxes)} are both set. State one of them.";
        if (BatchDetection == BatchDetection.None && (BatchAxis is not null || BatchAxes.Count > 0))
            yield return $"{nameof(BatchDetection)} is None, and a batch axis is stated. Leave one of them out.";

        for (var i = 0; i < WarmUpRows.Count; i++)
        {
            if (WarmUpRows[i] is < 1 or > 65536) yield return Range($"{nameof(WarmUpRows)}:{i}", WarmUpRows[i], "1 to 65536");
        }

        foreach (var (name, axis) in BatchAxes)
        {
            if (axis < 0) yield return Range($"{nameof(BatchAxes)}:{name}", axis, "0 or more");
        }

        foreach (var (name, values) in NonFiniteInputs)
        {
            if ((values & ~NonFiniteValues.All) != NonFiniteValues.None)
                yield return Range(
                    $"{nameof(NonFiniteInputs)}:{name}", values, "None, All, or some of NaN, PositiveInfinity, NegativeInfinity");
        }

        foreach (var (name, size) in FreeDimensions)
        {
            if (size < 1) yield return Range($"{nameof(FreeDimensions)}:{name}", size, "1 or more");
        }

        for (var i = 0; i < ExecutionProviders.Count; i++)
        {
            var provider = ExecutionProviders[i];
            if (!Enum.IsDefined(provider.Provider))
                yield return Range(
                    $"{nameof(ExecutionProviders)}:{i}:{nameof(provider.Provider)}", provider.Provider,
                    string.Join(", ", Enum.GetNames<ExecutionProvider>()));
            if (!Enum.IsDefined(provider.Requirement))
                yield return Range(
                    $"{nameof(ExecutionProviders)}:{i}:{nameof(provider.Requirement)}", provider.Requirement, "ElseNext or Required");
            if (provider.DeviceId < 0)
                yield return Range($"{nameof(ExecutionProviders)}:{i}:{nameof(provider.DeviceId)}", provider.DeviceId, "0 or more");
        }
    }

    private static string Range(string option, object? value, string range) => OptionRange.Fault(option, value, range);
}
