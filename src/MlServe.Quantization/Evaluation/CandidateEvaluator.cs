using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>Makes a model of a plan and measures it against the source.</summary>
internal sealed class CandidateEvaluator(SourceModel source, ModelProto preprocessed, EvaluationSamples samples, QuantizationGate gate, int threads)
{
    public const string Opens = "opens";

    private double? _sourceMetric;

    /// <summary>Speed of FP32 with its exact rewrites, once it is known.</summary>
    public SpeedEstimate? Rewritten { get; set; }

    public QuantizationGate Gate => gate;

    /// <summary>Makes a plan's model: the same bytes each time.</summary>
    public static (RewriteResult Result, byte[] Bytes) Make(ModelProto source, ModelProto preprocessed, QuantizationPlan plan)
    {
        var result = plan.KeepsOriginal ? new(source.Clone(), []) : PlanExecutor.Rewrite(preprocessed, plan);
        ModelStamp.Apply(result.Model, plan);
        return (result, OnnxFile.ToBytes(result.Model));
    }

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
        catch (QuantizationException exception) when (exception.Failure is QuantizationFailure.NothingToQuantize or QuantizationFailure.PlanMismatch)
        {
            return Refused(plan, description, exception);
        }

        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            using var session = GraphSession.Open(bytes, threads: threads, what: "The quantized model");
            var measurement = new Measurement
            {
                Comparison = await CompareAsync(session, cancellationToken).ConfigureAwait(false),
                Speed = SpeedComparison.Measure(source.Session, session, samples.Retained[0], GateJudge.SpeedThreshold(gate, plan.Method), cancellationToken),
                Bytes = bytes.Length,
                SourceBytes = source.Document.SizeInBytes,
                IsMadeUp = samples.IsMadeUp,
                Rewritten = Rewritten,
            };
            var checks = GateJudge.Judge(gate, plan.Method, measurement);
            if (gate.Evaluate is not null && checks.All(static check => check.Passed))
            {
                measurement = await WithMetricAsync(measurement, bytes, cancellationToken).ConfigureAwait(false);
                checks = GateJudge.Judge(gate, plan.Method, measurement);
            }

            return new() { Plan = plan, Description = description, Bytes = bytes, Decisions = result.Decisions, Measurement = measurement, Checks = checks };
        }
        catch (QuantizationException exception) when (exception.Failure == QuantizationFailure.InvalidModel)
        {
            return Refused(plan, description, exception) with { Decisions = result.Decisions };
        }
    }

    private async Task<ComparisonResult> CompareAsync(GraphSession session, CancellationToken cancellationToken)
    {
        var comparison = await ModelComparison.RunAsync(source.Session, session, samples.ToCompareOn(cancellationToken), cancellationToken).ConfigureAwait(false);
        return comparison.Samples > 0 ? comparison : throw new QuantizationException(QuantizationFailure.NoCalibrationData,
            "CalibrationSamples yielded samples once, and none when they were read again. Give what can be enumerated several times: a list, or a method that yields, not an enumerator.");
    }

    private async Task<Measurement> WithMetricAsync(Measurement measurement, byte[] bytes, CancellationToken cancellationToken)
    {
        _sourceMetric ??= await CallAsync(source.Predictor, "the source", cancellationToken).ConfigureAwait(false);
        var candidate = await source.LoadCandidateAsync(bytes, cancellationToken).ConfigureAwait(false);
        await using (candidate.ConfigureAwait(false))
            return measurement with { SourceMetric = _sourceMetric, Metric = await CallAsync(candidate, "the quantized model", cancellationToken).ConfigureAwait(false) };
    }

    private async Task<double> CallAsync(IPredictor predictor, string what, CancellationToken cancellationToken)
    {
        var value = await gate.Evaluate!(predictor, cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return double.IsFinite(value) ? value : throw new QuantizationException(QuantizationFailure.InvalidOptions,
            FormattableString.Invariant($"Gate.Evaluate gave {value} for {what}; it must give a finite number."));
    }

    public static Candidate Refused(QuantizationPlan plan, string description, QuantizationException exception) =>
        new() { Plan = plan, Description = description, Checks = [new(Opens, false, exception.Message)] };
}
