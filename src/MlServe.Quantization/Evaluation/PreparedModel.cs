using System.Collections.Frozen;
using MlServe.Onnx;
using MlServe.Quantization.Calibration;
using MlServe.Quantization.Evaluation.Metrics;
using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Rewriting.Static;
using MlServe.Quantization.Runtime;
using MlServe.Quantization.Verification;

namespace MlServe.Quantization.Evaluation;

/// <summary>
/// A source that was read, opened and preprocessed, with the samples that go with it and the method that was chosen for it.
/// </summary>
internal sealed class PreparedModel : IAsyncDisposable
{
    private readonly EvaluationSamples _samples;
    private readonly PreprocessingResult _preprocessed;
    private readonly MethodChoice _choice;
    private int _calibrated;
    private SearchClock? _clock;

    private PreparedModel(
        SourceModel source, EvaluationSamples samples, PreprocessingResult preprocessed, PreprocessingOptions preprocessing,
        MethodChoice choice, ResultCheck check)
    {
        Source = source;
        _samples = samples;
        _preprocessed = preprocessed;
        Preprocessing = preprocessing;
        _choice = choice;
        Check = check;
    }

    public SourceModel Source { get; }

    public ModelProto Model => _preprocessed.Model;

    public IReadOnlyList<string> Steps => _preprocessed.Steps;

    /// <summary>The preprocessing that was done: less than was asked if the model answered otherwise with it.</summary>
    public PreprocessingOptions Preprocessing { get; }

    public EvaluationSamples Samples => _samples;

    /// <summary>Runs rewritten models against the source.</summary>
    public ResultCheck Check { get; }

    /// <summary>By what each output is judged.</summary>
    public IReadOnlyDictionary<string, ChosenMetric> Metrics { get; private set; } = new Dictionary<string, ChosenMetric>();

    /// <summary>The doubts about the samples, a sentence each.</summary>
    public IReadOnlyList<string> Suspicions { get; private set; } = [];

    public QuantizationMethod Method => _choice.Method;

    public QuantizationMethod? AskedMethod { get; private set; }

    public string MethodReason => _choice.Reason;

    public int Calibrated => _calibrated;

    public static async Task<PreparedModel> CreateAsync(
        IModelSource from, QuantizationOptions options, ProgressReporter progress, CancellationToken cancellationToken)
    {
        progress.Report(QuantizationStage.Reading, 0, "reading the source");
        var document = await OnnxDocument.ReadAsync(from, cancellationToken).ConfigureAwait(false);
        return await CreateAsync(document, options, progress, cancellationToken).ConfigureAwait(false);
    }

    /// <param name="document">The source.</param>
    /// <param name="options">The options.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <param name="clock">By what passes over samples and measurements are cut short; null: they are not.</param>
    public static async Task<PreparedModel> CreateAsync(
        OnnxDocument document, QuantizationOptions options, ProgressReporter progress, CancellationToken cancellationToken,
        SearchClock? clock = null)
    {
        QuantizedOperators.RequireNone(document.Model);
        MetricChooser.RequireOutputs(document.Model, options.Gate.Metrics);
        if (options.Plan is { } plan) RequireSame(plan, document);
        var preprocessing = options.Plan?.Preprocessing ?? options.Preprocessing;

        // Before any sample is read or run: whether there is anything to quantize does not depend on them.
        var preprocessed = Preprocessor.Run(document.Model, preprocessing);
        QuantizedOperators.RequireNone(preprocessed.Model);
        var choice = MethodChoice.Of(OperatorCensus.Of(preprocessed.Model), options.CalibrationSamples is not null, options.Method);
        if (options.Plan is null) Quantizable.Require(document, preprocessed, options, choice.Method);
        IReadOnlyList<PredictionInputs> first = options.CalibrationSamples is { } given
            ? await EvaluationSamples.PeekAsync(given, options.MaxSamples, cancellationToken).ConfigureAwait(false)
            : [];
        progress.Report(QuantizationStage.Reading, 0.5, "opening the source");
        var constants = ListedWeights.ToRemove(document.Model, preprocessing).ToFrozenSet(StringComparer.Ordinal);
        var source = await SourceModel.OpenAsync(
            document, constants, [.. first.Take(2)], options.Threads, cancellationToken).ConfigureAwait(false);
        EvaluationSamples? samples = null;
        ResultCheck? check = null;
        try
        {
            samples = SamplesOf(source, first, options, clock, cancellationToken);
            progress.Report(QuantizationStage.Preprocessing, 0, "preprocessing");
            check = ResultCheck.Of(document.Model, samples.Retained, cancellationToken);
            var (result, effective, found) = CheckedPreprocessing.Run(
                document.Model, preprocessing, preprocessed, check, cancellationToken);
            if (found.Outcome == CheckOutcome.NotHeld) found.Require("The preprocessed model");
            return new(source, samples, result, effective, choice, check)
            {
                AskedMethod = options.Method,
                _clock = clock,
                Metrics = MetricChooser.Choose(
                    result.Model, source.Session, samples.Retained is [var one, ..] ? one : null, options.Gate.Metrics),
                Suspicions = samples.IsMadeUp ? [] : SampleSuspicions.Of(document.Model, source, samples.Retained),
            };
        }
        catch
        {
            check?.Dispose();
            samples?.Dispose();
            await source.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public CandidateEvaluator Evaluator(QuantizationOptions options)
    {
        RequireSomethingToMeasureWith();
        return new(
            Source, Model, _samples, Metrics, Check, options.Gate with { IsSizeAsked = options.IsSizeAsked }, options.Threads, _clock);
    }

    public SensitivityAnalysis Sensitivity(QuantizationOptions options)
    {
        RequireSomethingToMeasureWith();
        return new(Source, Model, _samples, Metrics, options.Gate, options.Threads);
    }

    public SlowNodes SlowNodes(QuantizationOptions options) => new(Source, Model, _samples, options.Threads);

    /// <summary>A plan without ranges: which nodes are meant, and how.</summary>
    public QuantizationPlan Outline(QuantizationOptions options, QuantizationMethod method) =>
        Plans.Of(options with { Preprocessing = Preprocessing }, method, Source.Document, Model);

    /// <summary>Decides on everything but the nodes to leave out: calibrates if the method needs it.</summary>
    public async Task<QuantizationPlan> PlanAsync(
        QuantizationOptions options, ProgressReporter progress, CancellationToken cancellationToken)
    {
        var plan = Outline(options, _choice.Method);
        if (plan.Method != QuantizationMethod.Static)
            return plan.Method == QuantizationMethod.None ? Plans.WithoutRanges(plan, plan.Method) : plan;
        progress.Report(QuantizationStage.Calibrating, 0, "looking for the values to calibrate");
        var tensors = CalibratedValues.Of(Model, plan, options.MayLeaveOutNodes, cancellationToken);
        progress.Report(QuantizationStage.Calibrating, 0.05, $"calibrating {tensors.Count} values");
        var settings = new CalibrationSettings { Method = options.CalibrationMethod, Percentile = options.Percentile };
        var result = await Calibrator.RunAsync(Model, tensors, _samples.Given, settings, cancellationToken).ConfigureAwait(false);
        _calibrated = result.Samples;
        progress.Report(QuantizationStage.Calibrating, 0.55, $"calibrated on {result.Samples} samples");
        var channels = CalibratedValues.ChannelsOf(Model, plan, options.MayLeaveOutNodes, cancellationToken);
        progress.Report(QuantizationStage.Calibrating, 0.6, $"calibrating the channels of {channels.Count} values");
        return plan with
        {
            Ranges = result.Ranges,
            ChannelRanges = await ChannelCalibrator.RunAsync(Model, channels, _samples.Given, cancellationToken).ConfigureAwait(false),
        };
    }

    /// <summary>Whether a plan has products whose inputs can be smoothed.</summary>
    public bool CanSmooth(QuantizationPlan plan) => Smoothing.Readers(new(Model.Graph), plan).Count > 0;

    /// <summary>The plan with the inputs of its products smoothed, and ranges for the values that are new by that.</summary>
    public async Task<QuantizationPlan> SmoothAsync(QuantizationPlan plan, QuantizationOptions options, CancellationToken cancellationToken)
    {
        var factors = await SmoothingFactors.ComputeAsync(Model, plan, _samples.Given, cancellationToken).ConfigureAwait(false);
        plan = plan with { InputFactors = factors };
        var tensors = CalibratedValues.Of(Model, plan, options.MayLeaveOutNodes, cancellationToken);
        var settings = new CalibrationSettings { Method = options.CalibrationMethod, Percentile = options.Percentile };
        var smoothed = Smoothing.Apply(Model, plan);
        var made = smoothed.Graph.Node.SelectMany(static node => node.Output).ToHashSet(StringComparer.Ordinal);
        var missing = tensors.Where(name => !plan.Ranges.ContainsKey(name) && made.Contains(name)).ToList();
        var result = await Calibrator.RunAsync(smoothed, missing, _samples.Given, settings, cancellationToken).ConfigureAwait(false);
        return plan with { Ranges = plan.Ranges.Concat(result.Ranges).ToDictionary(StringComparer.Ordinal) };
    }

    /// <summary>
    /// The plan with the corrections that go with its nodes. The neighbours of a node decide which weights are rounded and how.
    /// </summary>
    public async Task<QuantizationPlan> CorrectAsync(
        QuantizationPlan plan, QuantizationOptions options, CancellationToken cancellationToken)
    {
        if (!options.BiasCorrection || plan.Method != QuantizationMethod.Static) return plan;
        return plan with
        {
            BiasCorrections = await BiasCorrection.ComputeAsync(Model, plan, _samples.Given, cancellationToken).ConfigureAwait(false),
        };
    }

    /// <summary>The source as it is, for the case that nothing is better.</summary>
    public Candidate Original() => Original(Source.Document);

    /// <inheritdoc cref="Original()"/>
    public static Candidate Original(OnnxDocument document)
    {
        var plan = new QuantizationPlan
        {
            SourceDigest = document.Digest,
            Method = QuantizationMethod.None,
            Target = Processor.Current,
            KeepsOriginal = true,
        };
        return new()
        {
            Plan = plan,
            Description = "the source",
            Bytes = CandidateEvaluator.Make(document.Model, document.Model, plan).Bytes,
            Checks = [new("source", CheckOutcome.Held, "it is the source, unchanged but for its metadata")],
        };
    }

    public async ValueTask DisposeAsync()
    {
        Check.Dispose();
        _samples.Dispose();
        await Source.DisposeAsync().ConfigureAwait(false);
    }

    private static EvaluationSamples SamplesOf(
        SourceModel source, IReadOnlyList<PredictionInputs> first, QuantizationOptions options, SearchClock? clock,
        CancellationToken cancellationToken)
    {
        if (options.CalibrationSamples is { } given)
            return EvaluationSamples.Of(new(given, source.Encoder(), options.MaxSamples) { Clock = clock }, source.Encoder(), first);
        return EvaluationSamples.Of(null, source.Encoder(), SyntheticSamples.For(source.Signature, source.Session, cancellationToken));
    }

    private void RequireSomethingToMeasureWith()
    {
        if (_samples.Retained.Count > 0) return;
        throw new QuantizationException(QuantizationFailure.NoCalibrationData,
            $"{Source.Document.Origin} refuses all inputs that were made up for it ({Source.Signature}), so that nothing can be measured. "
                + "Give CalibrationSamples.");
    }

    private static void RequireSame(QuantizationPlan plan, OnnxDocument document)
    {
        if (plan.SourceDigest != document.Digest)
        {
            throw new QuantizationException(QuantizationFailure.PlanMismatch,
                $"The plan was made for a model with the digest {plan.SourceDigest}, and {document.Origin} has {document.Digest}. "
                    + "Make the plan anew.");
        }
    }
}
