using MlServe.Quantization.Calibration;
using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>A source that was read, opened and preprocessed, with the samples that go with it and the method that was chosen for it.</summary>
internal sealed class PreparedModel : IAsyncDisposable
{
    private readonly EvaluationSamples _samples;
    private readonly PreprocessingResult _preprocessed;
    private readonly MethodChoice _choice;
    private int _calibrated;

    private PreparedModel(SourceModel source, EvaluationSamples samples, PreprocessingResult preprocessed, MethodChoice choice)
    {
        Source = source;
        _samples = samples;
        _preprocessed = preprocessed;
        _choice = choice;
    }

    public SourceModel Source { get; }

    public ModelProto Model => _preprocessed.Model;

    public IReadOnlyList<string> Steps => _preprocessed.Steps;

    public EvaluationSamples Samples => _samples;

    public QuantizationMethod Method => _choice.Method;

    public static async Task<PreparedModel> CreateAsync(
        IModelSource from, QuantizationOptions options, ProgressReporter progress, CancellationToken cancellationToken)
    {
        progress.Report(QuantizationStage.Reading, 0, "reading the source");
        var document = await OnnxDocument.ReadAsync(from, cancellationToken).ConfigureAwait(false);
        QuantizedOperators.RequireNone(document.Model);
        if (options.Plan is { } plan) RequireSame(plan, document);
        IReadOnlyList<PredictionInputs> first = options.CalibrationSamples is { } given
            ? await EvaluationSamples.PeekAsync(given, options.MaxSamples, cancellationToken).ConfigureAwait(false)
            : [];
        progress.Report(QuantizationStage.Reading, 0.5, "opening the source");
        var preprocessing = options.Plan?.Preprocessing ?? options.Preprocessing;
        var constants = ListedWeights.ToRemove(document.Model, preprocessing).ToHashSet(StringComparer.Ordinal);
        var source = await SourceModel.OpenAsync(document, constants, [.. first.Take(2)], options.Threads, cancellationToken).ConfigureAwait(false);
        EvaluationSamples? samples = null;
        try
        {
            samples = SamplesOf(source, first, options, cancellationToken);
            progress.Report(QuantizationStage.Preprocessing, 0, "preprocessing");
            var preprocessed = Preprocessor.Run(document.Model, preprocessing);
            QuantizedOperators.RequireNone(preprocessed.Model);
            var census = OperatorCensus.Of(preprocessed.Model);
            if (census.Total == 0 && options.Plan is null)
            {
                throw new QuantizationException(QuantizationFailure.NothingToQuantize,
                    $"{document.Origin} has no FP32 weights of Conv, Gemm, MatMul, LSTM or Gather that could be quantized. Serve it as it is. {string.Join(" ", preprocessed.Steps)}".TrimEnd());
            }

            return new(source, samples, preprocessed, MethodChoice.Of(census, first.Count > 0, options.Method));
        }
        catch
        {
            samples?.Dispose();
            await source.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public CandidateEvaluator Evaluator(QuantizationOptions options)
    {
        RequireSomethingToMeasureWith();
        return new(Source, Model, _samples, options.Gate, options.Threads);
    }

    public SensitivityAnalysis Sensitivity(QuantizationOptions options)
    {
        RequireSomethingToMeasureWith();
        return new(Source, Model, _samples, options.Gate, options.Threads);
    }

    public SlowNodes SlowNodes(QuantizationOptions options) => new(Source, Model, _samples, options.Threads);

    /// <summary>Decides on everything but the nodes to leave out: calibrates where the method needs it.</summary>
    public async Task<QuantizationPlan> PlanAsync(QuantizationOptions options, ProgressReporter progress, CancellationToken cancellationToken)
    {
        var plan = Plans.Of(options, _choice.Method, Source.Document, Model);
        if (plan.Method != QuantizationMethod.Static) return plan.Method == QuantizationMethod.None ? Plans.WithoutRanges(plan, plan.Method) : plan;
        progress.Report(QuantizationStage.Calibrating, 0, "looking for the values to calibrate");
        var tensors = CalibratedValues.Of(Model, plan, options.OnGateFailure == GateFailureAction.ExcludeNodes);
        progress.Report(QuantizationStage.Calibrating, 0.05, $"calibrating {tensors.Count} values");
        var settings = new CalibrationSettings { Method = options.CalibrationMethod, Percentile = options.Percentile };
        var result = await Calibrator.RunAsync(Model, tensors, _samples.Given, settings, cancellationToken).ConfigureAwait(false);
        _calibrated = result.Samples;
        progress.Report(QuantizationStage.Calibrating, 0.55, $"calibrated on {result.Samples} samples");
        var channels = CalibratedValues.ChannelsOf(Model, plan, options.OnGateFailure == GateFailureAction.ExcludeNodes);
        progress.Report(QuantizationStage.Calibrating, 0.6, $"calibrating the channels of {channels.Count} values");
        plan = plan with { Ranges = result.Ranges, ChannelRanges = await ChannelCalibrator.RunAsync(Model, channels, _samples.Given, cancellationToken).ConfigureAwait(false) };
        progress.Report(QuantizationStage.Calibrating, 0.8, "correcting biases");
        return await CorrectAsync(plan, options, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The plan with the corrections that go with its nodes: which weights are rounded and how depends on what stands beside them.</summary>
    public async Task<QuantizationPlan> CorrectAsync(QuantizationPlan plan, QuantizationOptions options, CancellationToken cancellationToken)
    {
        if (!options.BiasCorrection || plan.Method != QuantizationMethod.Static) return plan;
        return plan with { BiasCorrections = await BiasCorrection.ComputeAsync(Model, plan, _samples.Given, cancellationToken).ConfigureAwait(false) };
    }

    /// <summary>The source as it is, for where nothing is better.</summary>
    public Candidate Original()
    {
        var plan = new QuantizationPlan { SourceDigest = Source.Document.Digest, Method = QuantizationMethod.None, Target = Processor.Current, KeepsOriginal = true };
        return new()
        {
            Plan = plan,
            Description = "the source",
            Bytes = CandidateEvaluator.Make(Source.Document.Model, Model, plan).Bytes,
            Checks = [new("source", true, "it is the source, unchanged but for its metadata")],
        };
    }

    public QuantizationReport Report(string destination, Candidate candidate, string? fallbackReason, QuantizationOptions options)
    {
        var measurement = candidate.Measurement;
        var fused = FusedOperators.Of(candidate.Bytes!);
        return new()
        {
            Source = Source.Document.Origin,
            Destination = destination,
            Method = candidate.Plan.Method,
            MethodReason = options.Plan is not null ? "by the plan that was given" : fallbackReason is null ? _choice.Reason : $"{_choice.Method} ({_choice.Reason}) did not do",
            FallbackReason = fallbackReason,
            Passed = measurement is null && !candidate.Plan.KeepsOriginal ? null : candidate.Passed,
            Checks = candidate.Checks,
            Nodes = candidate.Decisions,
            Preprocessing = candidate.Plan.KeepsOriginal ? [] : Steps,
            FusedOperators = fused,
            SourceBytes = Source.Document.SizeInBytes,
            Bytes = candidate.Bytes!.Length,
            Speed = measurement?.Speed,
            Outputs = measurement?.Comparison.Outputs ?? [],
            SourceMetric = measurement?.SourceMetric,
            Metric = measurement?.Metric,
            CalibrationSamples = candidate.Plan.Method == QuantizationMethod.Static ? _calibrated : 0,
            ComparedSamples = measurement?.Comparison.Samples ?? 0,
            SpeedRows = measurement is null ? 0 : _samples.Retained[0].Rows,
            Notes = [.. Notes(measurement, candidate.Plan.Method == QuantizationMethod.Static ? FusedOperators.Difference(candidate.Decisions, fused) : null)],
            IsBatchDependent = candidate.Plan.Method == QuantizationMethod.Dynamic,
            Machine = Machine.Describe(options.Threads),
            Plan = candidate.Plan,
        };
    }

    public async ValueTask DisposeAsync()
    {
        _samples.Dispose();
        await Source.DisposeAsync().ConfigureAwait(false);
    }

    private IEnumerable<string> Notes(Measurement? measurement, string? difference)
    {
        const int Few = 30;
        if (difference is not null) yield return difference;
        if (measurement is null) yield break;
        if (_samples.IsMadeUp) yield return "There were no samples: it was measured on made-up inputs, and whether classes agree is not known.";
        else if (_samples.IsSeenByCalibration) yield return "There were fewer than four samples: answers were compared on those that ranges were taken from.";
        else if (measurement.Comparison.Samples * _samples.Retained[0].Rows < Few) yield return "Few rows were compared: give some hundred samples for a figure to rely on.";
    }

    private static EvaluationSamples SamplesOf(SourceModel source, IReadOnlyList<PredictionInputs> first, QuantizationOptions options, CancellationToken cancellationToken)
    {
        if (options.CalibrationSamples is { } given)
            return EvaluationSamples.Of(new(given, source.Encoder(), options.MaxSamples), source.Encoder(), first);
        return EvaluationSamples.Of(null, source.Encoder(), SyntheticSamples.For(source.Signature, source.Session, cancellationToken));
    }

    private void RequireSomethingToMeasureWith()
    {
        if (_samples.Retained.Count > 0) return;
        throw new QuantizationException(QuantizationFailure.NoCalibrationData,
            $"{Source.Document.Origin} refuses all inputs that were made up for it ({Source.Signature}), so that nothing can be measured. Give CalibrationSamples.");
    }

    private static void RequireSame(QuantizationPlan plan, OnnxDocument document)
    {
        if (plan.SourceDigest != document.Digest)
        {
            throw new QuantizationException(QuantizationFailure.PlanMismatch,
                $"The plan was made for a model with the digest {plan.SourceDigest}, and {document.Origin} has {document.Digest}. Make the plan anew.");
        }
    }
}
