using MlServe.Quantization.Model;
using MlServe.Quantization.Runtime;
using MlServe.Quantization.Verification;

namespace MlServe.Quantization.Evaluation;

/// <summary>Carries a plan out again. Nothing is chosen; it is measured and judged if there are samples.</summary>
internal sealed class PlanReplay(
    IModelSource source, string destination, QuantizationPlan plan, QuantizationOptions options, CancellationToken cancellationToken)
{
    private readonly ProgressReporter _progress = new(options.Progress, cancellationToken);

    public async Task<(QuantizationReport Report, byte[] Model)> RunAsync()
    {
        QuantizationRun.RequireValid(options);
        var prepared = await PreparedModel.CreateAsync(source, options, _progress, cancellationToken).ConfigureAwait(false);
        await using (prepared.ConfigureAwait(false))
        {
            _progress.Report(QuantizationStage.Quantizing, 0, $"carrying out a plan of {plan.Method}");
            var candidate = options.CalibrationSamples is null
                ? await MakeAsync(prepared).ConfigureAwait(false)
                : await MeasureAsync(prepared).ConfigureAwait(false);
            _progress.Report(QuantizationStage.Writing, 0, $"writing {destination}");
            var report = RunReport.Of(prepared, destination, candidate, null, options);
            _progress.Report(QuantizationStage.Writing, 0.5, $"writing {candidate.Bytes!.Length} bytes");
            return (report, candidate.Bytes);
        }
    }

    private async Task<Candidate> MeasureAsync(PreparedModel prepared)
    {
        _progress.Report(QuantizationStage.Measuring, 0, "comparing answers and speed");
        var evaluator = prepared.Evaluator(options);
        var candidate = await evaluator.EvaluateAsync(plan, "by plan", cancellationToken).ConfigureAwait(false);
        if (candidate.Passed) candidate = await evaluator.ConfirmAsync(candidate, cancellationToken).ConfigureAwait(false);
        return candidate.Passed ? candidate : throw new QuantizationException(QuantizationFailure.GateFailed,
            $"The model of the plan does not pass the gate: {candidate.Reason}. Make the plan anew, loosen the gate, or leave the samples "
                + "out to write it unmeasured.")
        {
            IsCloseCall = candidate.IsCloseCall,
        };
    }

    /// <summary>Sees at least that the runtime opens it and that its answers are finite.</summary>
    private async Task<Candidate> MakeAsync(PreparedModel prepared)
    {
        var (result, bytes) = CandidateEvaluator.Make(prepared.Source.Document.Model, prepared.Model, plan);
        prepared.Check.Run(
            bytes, plan.KeepsOriginal || plan.Method == QuantizationMethod.None ? Expectation.Exact : Expectation.Form, cancellationToken)
            .Require("The model of the plan");
        using var session = GraphSession.Open(bytes, what: "The model of the plan");
        var comparison = await ModelComparison.RunAsync(
            prepared.Source.Session, session, prepared.Samples.ToJudgeBy(cancellationToken), prepared.Metrics,
            cancellationToken).ConfigureAwait(false);
        if (comparison.Outputs.FirstOrDefault(static output => output.NotFinite > 0) is { } output)
        {
            throw new QuantizationException(QuantizationFailure.NotFinite,
                $"The model of the plan gives {output.NotFinite} values of '{output.Name}' that differ from the source's and are not "
                    + "finite on one side. Make the plan anew.");
        }

        return new() { Plan = plan, Description = "by plan", Bytes = bytes, Decisions = result.Decisions, Checks = [] };
    }
}
