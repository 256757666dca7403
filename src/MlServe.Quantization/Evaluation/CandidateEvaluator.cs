using MlServe.Quantization.Evaluation.Metrics;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Runtime;
using MlServe.Quantization.Verification;

namespace MlServe.Quantization.Evaluation;

/// <summary>Makes a model of a plan and measures it against the source.</summary>
internal sealed class CandidateEvaluator(
    SourceModel source, ModelProto preprocessed, EvaluationSamples samples, IReadOnlyDictionary<string, ChosenMetric> metrics,
    ResultCheck check, QuantizationGate gate, int threads, SearchClock? clock = null)
{
    public const string Opens = "opens";

    // Of what is left, so that there is time for the last word.
    private const double ShareToMeasure = 0.25;

    private double? _sourceMetric;

    /// <summary>FP32 with its exact rewrites, once it is known.</summary>
    public Candidate? Rewritten { get; set; }

    public QuantizationGate Gate => gate;

    private TimeSpan MostToMeasure => clock?.Part(ShareToMeasure) ?? TimeSpan.MaxValue;

    /// <summary>Makes a plan's model: the same bytes each time.</summary>
    public static (RewriteResult Result, byte[] Bytes) Make(ModelProto source, ModelProto preprocessed, QuantizationPlan plan)
    {
        var result = plan.KeepsOriginal ? new(source.Clone(), []) : PlanExecutor.Rewrite(preprocessed, plan);
        ModelStamp.Apply(result.Model, plan);
        return (result, OnnxFile.ToBytes(result.Model));
    }

    /// <summary>Makes it and compares it on the samples that may be chosen by.</summary>
    public async Task<Candidate> EvaluateAsync(QuantizationPlan plan, string description, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        plan = CalibratedValues.OnlyNeeded(preprocessed, plan);
        RewriteResult result;
        byte[] bytes;
        try
        {
            (result, bytes) = Make(source.Document.Model, preprocessed, plan);
        }
        catch (QuantizationException exception) when (exception.Failure is QuantizationFailure.NothingToQuantize
            or QuantizationFailure.PlanMismatch)
        {
            return Refused(plan, description, exception);
        }

        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            using var session = GraphSession.Open(bytes, threads: threads, what: "The quantized model");
            var comparison = await CompareAsync(session, samples.ToChooseBy(cancellationToken), cancellationToken).ConfigureAwait(false);

            // How fast a model is exactly that answers wrongly is of no use.
            var isNear = comparison.Outputs.SelectMany(output => OutputJudge.Judge(gate, output, samples.IsMadeUp, isFinal: false))
                .All(static one => one.Passed);
            var measurement = new Measurement
            {
                Comparison = comparison,
                Speed = SpeedComparison.Measure(
                    source.Session, session, samples.Retained[0], isNear ? GateJudge.SpeedThreshold(gate, plan.Method) : 0, MostToMeasure,
                    cancellationToken),
                Bytes = bytes.Length,
                SourceBytes = source.Document.SizeInBytes,
                IsMadeUp = samples.IsMadeUp,
                Rewritten = Rewritten?.Measurement?.Speed,
            };
            var checks = GateJudge.Judge(gate, plan.Method, measurement);
            if (gate.Evaluate is not null && checks.All(static one => one.Passed))
            {
                measurement = await WithMetricAsync(measurement, bytes, cancellationToken).ConfigureAwait(false);
                checks = GateJudge.Judge(gate, plan.Method, measurement);
            }

            return new()
            {
                Plan = plan,
                Description = description,
                Bytes = bytes,
                Decisions = result.Decisions,
                Measurement = measurement,
                Checks = checks,
            };
        }
        catch (QuantizationException exception) when (exception.Failure == QuantizationFailure.InvalidModel)
        {
            return Refused(plan, description, exception) with { Decisions = result.Decisions };
        }
    }

    /// <summary>
    /// Speaks the last word on a candidate that passed. It is judged on rows that nothing was chosen by, on other shapes and values, and
    /// against FP32 with its exact rewrites.
    /// </summary>
    public async Task<Candidate> ConfirmAsync(Candidate candidate, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var isExact = candidate.Plan.Method == QuantizationMethod.None;
        var form = check.Run(candidate.Bytes!, isExact ? Expectation.Exact : Expectation.Form, cancellationToken);
        using var session = GraphSession.Open(candidate.Bytes!, threads: threads, what: "The quantized model");
        var measurement = candidate.Measurement! with
        {
            Comparison = await CompareAsync(session, samples.ToJudgeBy(cancellationToken), cancellationToken).ConfigureAwait(false),
            AgainstRewritten = AgainstRewritten(candidate, session, cancellationToken),
            Speed = SpeedOf(candidate, session, cancellationToken),
            Form = form,
            IsFinal = true,
        };
        return candidate with { Measurement = measurement, Checks = GateJudge.Judge(gate, candidate.Plan.Method, measurement) };
    }

    /// <summary>Measured anew if as fast as the source is enough: of many such measurements one passes by luck.</summary>
    private SpeedEstimate SpeedOf(Candidate candidate, GraphSession session, CancellationToken cancellationToken)
    {
        var threshold = GateJudge.SpeedThreshold(gate, candidate.Plan.Method);
        return GateJudge.IsForSpeed(candidate.Plan.Method) || threshold <= 0
            ? candidate.Measurement!.Speed
            : SpeedComparison.Measure(source.Session, session, samples.Retained[0], threshold, MostToMeasure, cancellationToken);
    }

    private SpeedEstimate? AgainstRewritten(Candidate candidate, GraphSession session, CancellationToken cancellationToken)
    {
        if (Rewritten?.Bytes is not { } fp32 || !GateJudge.IsForSpeed(candidate.Plan.Method) || gate.MinSpeedup <= 0) return null;
        using var rewritten = GraphSession.Open(fp32, threads: threads, what: "The model with its exact rewrites");
        return SpeedComparison.Measure(rewritten, session, samples.Retained[0], 1, MostToMeasure, cancellationToken);
    }

    private async Task<ComparisonResult> CompareAsync(
        GraphSession session, IAsyncEnumerable<EncodedSample> on, CancellationToken cancellationToken)
    {
        var comparison = await ModelComparison.RunAsync(source.Session, session, on, metrics, cancellationToken).ConfigureAwait(false);
        return comparison.Samples > 0 ? comparison : throw new QuantizationException(QuantizationFailure.NoCalibrationData,
            "CalibrationSamples yielded samples once, and none when they were read again. Give a source that can be enumerated several "
                + "times: a list, or a method that yields, not an enumerator.");
    }

    private async Task<Measurement> WithMetricAsync(Measurement measurement, byte[] bytes, CancellationToken cancellationToken)
    {
        _sourceMetric ??= await CallAsync(source.Predictor, "the source", cancellationToken).ConfigureAwait(false);
        var candidate = await source.LoadCandidateAsync(bytes, cancellationToken).ConfigureAwait(false);
        await using (candidate.ConfigureAwait(false))
            return measurement with
            {
                SourceMetric = _sourceMetric,
                Metric = await CallAsync(candidate, "the quantized model", cancellationToken).ConfigureAwait(false),
            };
    }

    private async Task<double> CallAsync(IPredictor predictor, string what, CancellationToken cancellationToken)
    {
        var value = await gate.Evaluate!(predictor, cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return double.IsFinite(value) ? value : throw new QuantizationException(QuantizationFailure.InvalidOptions,
            FormattableString.Invariant($"Gate.Evaluate gave {value} for {what}; it must give a finite number."));
    }

    public static Candidate Refused(QuantizationPlan plan, string description, QuantizationException exception) =>
        new() { Plan = plan, Description = description, Checks = [new(Opens, CheckOutcome.NotHeld, exception.Message)] };
}
