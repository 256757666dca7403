namespace MlServe.Quantization;

/// <summary>How a model is quantized. Everything has a default. Immutable.</summary>
public sealed record QuantizationOptions
{
    /// <summary>
    /// Inputs like those that the model will get, one or more rows each. They are read several times, each time from the beginning, and
    /// must be the same each time. Each is read before the next is asked for, so that one buffer may serve for all. Half of them, two in
    /// each four, are kept for the last word: nothing is calibrated on or chosen by them. Default: null: ranges are taken at run time, or
    /// only the weights are stored smaller. See <see cref="CalibrateWith"/>.
    /// </summary>
    public IAsyncEnumerable<PredictionInputs>? CalibrationSamples { get; init; }

    /// <summary>Samples that are used at most, 1 to 1,000,000. Default: 1,024.</summary>
    public int MaxSamples { get; init; } = 1024;

    /// <summary>How the model is quantized. Default: null, chosen by its operators and by whether there are samples.</summary>
    public QuantizationMethod? Method { get; init; }

    /// <summary>For which processors. Default: <see cref="CpuTarget.Auto"/>, this one.</summary>
    public CpuTarget Target { get; init; }

    /// <summary>How integer operators are written. Default: <see cref="QuantizationFormat.Qdq"/>.</summary>
    public QuantizationFormat Format { get; init; }

    /// <summary>
    /// Whether each output channel of a weight has a scale of its own (for those of activations see <see cref="PerChannelActivations"/>).
    /// Default: true, because it is more accurate. A Gemm whose channels are about as wide has one scale all the same. That adds at most 1
    /// dB to the noise of its weights and is faster.
    /// </summary>
    public bool PerChannel { get; init; } = true;

    /// <summary>
    /// Whether each channel of an activation between a convolution and a float operator has a scale of its own, if that can be. It is
    /// nearer, and up to seven times slower, because the runtime then has no integer operators between them. Default: null, both are tried,
    /// one scale first.
    /// </summary>
    public bool? PerChannelActivations { get; init; }

    /// <summary>
    /// Elements of a block for <see cref="QuantizationMethod.NBits4"/> and <see cref="QuantizationMethod.NBits8"/>: a power of two, 16 to
    /// 256. Default: 128.
    /// </summary>
    public int BlockSize { get; init; } = 128;

    /// <summary>How ranges are taken from samples. Default: <see cref="CalibrationMethod.MinMax"/>, which clips nothing.</summary>
    public CalibrationMethod CalibrationMethod { get; init; }

    /// <summary>The percentile of <see cref="CalibrationMethod.Percentile"/>, above 50 to 100. Default: 99.99.</summary>
    public double Percentile { get; init; } = 99.99;

    /// <summary>
    /// Whether the mean error that rounding weights makes is taken out of biases. Default: true; it costs nothing at run time.
    /// </summary>
    public bool BiasCorrection { get; init; } = true;

    /// <summary>Nodes that stay FP32, by name (see <see cref="NodeDecision.Node"/>). Default: none.</summary>
    public IReadOnlyList<string> ExcludeNodes { get; init; } = [];

    /// <summary>Tells of further nodes whether they stay FP32, by name. Default: null.</summary>
    public Func<string, bool>? ExcludeNode { get; init; }

    /// <summary>
    /// Multiplications a row below which a node stays FP32, 0 or more. Default: null, a number that was measured (see
    /// <see cref="QuantizationPlan.MinMultiplications"/>).
    /// </summary>
    public long? MinMultiplications { get; init; }

    /// <summary>The demands that the model has to meet before it is written.</summary>
    public QuantizationGate Gate { get; init; } = new();

    /// <summary>The action if it does not meet them. Default: <see cref="GateFailureAction.ExcludeNodes"/>.</summary>
    public GateFailureAction OnGateFailure { get; init; }

    /// <summary>
    /// The time that the whole may take, from the call on, above 0: reading samples, preparing, calibrating, measuring, searching and
    /// checking. When it ends, the step that was begun counts as not tried. The best is written that has passed its gate and the last word
    /// on it. If none has, FP32 with the exact rewrites is written; up to 0.4 of the time is kept back for it. If there was no time for
    /// these, the source is written as it is. A pass over samples and a measurement of speed take a quarter of the rest each, with 16
    /// samples or 9 pairs at least. Checks and the last word are made whole, or count as not made. It is exceeded by one step that cannot
    /// be broken off. That is one run of the model, one opening of it in the runtime or one rewriting of its graph. The report and writing
    /// the file come after it. At the least it is exceeded by reading, rewriting once and writing the model. A sample, and a measure of
    /// your own (<see cref="QuantizationGate.Evaluate"/>) that ignores its token, are waited for. A <see cref="Plan"/> is carried out
    /// whole. Default: 00:02:00.
    /// </summary>
    public TimeSpan SearchBudget { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// A plan to carry out as it is: <see cref="Method"/> and all that decides on the file's content is taken from it. Measured and judged
    /// only if there are samples. Default: null.
    /// </summary>
    public QuantizationPlan? Plan { get; init; }

    /// <summary>How the model is preprocessed.</summary>
    public PreprocessingOptions Preprocessing { get; init; } = new();

    /// <summary>Threads that work on one operator while measuring, 1 to 256. Default: 1.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Told how far it is, from the thread that works; an exception that it throws ends the work. Default: null.</summary>
    public IProgress<QuantizationProgress>? Progress { get; init; }

    /// <summary>The same options with samples from a list, or from a method that yields them.</summary>
    /// <param name="samples">A source that can be enumerated several times.</param>
    public QuantizationOptions CalibrateWith(IEnumerable<PredictionInputs> samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        return this with { CalibrationSamples = samples.ToAsyncEnumerable() };
    }

    internal bool MayLeaveOutNodes => OnGateFailure is GateFailureAction.ExcludeNodes or GateFailureAction.Smaller;

    /// <summary>Whether weights that are only stored smaller were asked for by name; a plan names them.</summary>
    internal bool IsSizeAsked =>
        Plan is not null || Method is QuantizationMethod.Int8Storage or QuantizationMethod.Fp16Storage
        || OnGateFailure is GateFailureAction.Int8Storage or GateFailureAction.Smaller;

    /// <summary>Names the faults of the values: one message each, none if there are no faults.</summary>
    /// <returns>Messages that name the option, its value and its range.</returns>
    public IEnumerable<string> Validate()
    {
        if (MaxSamples is < 1 or > 1_000_000)
            yield return FormattableString.Invariant($"MaxSamples is {MaxSamples}; it must be 1 to 1000000.");
        if (Method is { } method && !Enum.IsDefined(method))
            yield return $"Method is {method}; it must be one of {string.Join(", ", Enum.GetNames<QuantizationMethod>())}.";
        if (!Enum.IsDefined(Target)) yield return $"Target is {Target}; it must be one of {string.Join(", ", Enum.GetNames<CpuTarget>())}.";
        if (!Enum.IsDefined(Format)) yield return $"Format is {Format}; it must be Qdq or QOperator.";
        if (!Enum.IsDefined(CalibrationMethod))
            yield return $"CalibrationMethod is {CalibrationMethod}; "
                + $"it must be one of {string.Join(", ", Enum.GetNames<CalibrationMethod>())}.";
        if (!Enum.IsDefined(OnGateFailure))
            yield return $"OnGateFailure is {OnGateFailure}; it must be one of {string.Join(", ", Enum.GetNames<GateFailureAction>())}.";
        if (BlockSize is < 16 or > 256 || !int.IsPow2(BlockSize))
            yield return FormattableString.Invariant($"BlockSize is {BlockSize}; it must be a power of two, 16 to 256.");
        if (!(Percentile is > 50 and <= 100))
            yield return FormattableString.Invariant($"Percentile is {Percentile}; it must be above 50 and at most 100.");
        if (MinMultiplications is < 0)
            yield return FormattableString.Invariant($"MinMultiplications is {MinMultiplications}; it must be 0 or more.");
        if (SearchBudget <= TimeSpan.Zero) yield return $"SearchBudget is {SearchBudget}; it must be above 0.";
        if (Threads is < 1 or > 256) yield return FormattableString.Invariant($"Threads is {Threads}; it must be 1 to 256.");
        if (Plan is null && Method == QuantizationMethod.Static && CalibrationSamples is null)
            yield return "Method is Static, and there are no CalibrationSamples. Give some, or use Dynamic or Int8Storage.";
        if (Plan is { } plan && Method is { } stated && stated != plan.Method)
            yield return $"Method is {stated}, and the plan says {plan.Method}. Leave one of them out.";
        if (ExcludeNodes is null) yield return "ExcludeNodes is null; it must be a list.";
        if (Preprocessing is null) yield return "Preprocessing is null; leave it at its default.";
        foreach (var fault in Gate?.Validate() ?? ["Gate is null; leave it at its default to ask for the usual."])
            yield return fault;
    }
}
