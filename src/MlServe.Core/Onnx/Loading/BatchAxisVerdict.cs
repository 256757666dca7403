using System.Globalization;
using MlServe.Onnx.Probing;
using MlServe.Onnx.Rows;

namespace MlServe.Onnx;

/// <summary>Judges the result of trying rows along certain axes, and says it in words, the reason first.</summary>
internal sealed class BatchAxisVerdict(ModelSignature declared, double tolerance, IReadOnlyList<int?> axes)
{
    /// <summary>By how much of its magnitude an output may differ that is rounded to 8 bits in company.</summary>
    private const double MaxRounding = 0.25;

    private const string Remedy = "State BatchAxis, or SampleInputs whose answers differ.";

    /// <summary>A signature whose axes are still to be tried.</summary>
    public static ModelSignature Candidate(ModelSignature declared, IReadOnlyList<int?> axes) =>
        new BatchAxisVerdict(declared, 0, axes).With([.. declared.Outputs.Select(static _ => (int?)0)], "A trial.");

    /// <summary>A model that is run one row at a time.</summary>
    public static BatchAxisFinding Without(
        ModelSignature declared, string reason, RowEvidence evidence, bool isIndependent = true, bool isRepeatable = true) =>
        new(new(declared.Inputs, declared.Outputs, $"No batching: {reason}")
        {
            RowsAreIndependent = isIndependent,
            AnswersAreRepeatable = isRepeatable,
            Metadata = declared.Metadata,
        }, evidence)
        { Reason = reason };

    /// <summary>The finding that is left if no axes that were tried hold.</summary>
    public static BatchAxisFinding NoneOf(ModelSignature declared, IReadOnlyList<BatchAxisFinding> failed)
    {
        var told = failed.FirstOrDefault(static finding => finding.Node is not null) ?? failed[0];
        var evidence = failed.Any(static finding => finding.Evidence == RowEvidence.Dependent)
            ? RowEvidence.Dependent
            : RowEvidence.Inconclusive;
        return Without(declared, string.Join(' ', failed.Select(static finding => finding.Reason).Distinct()), evidence,
            isIndependent: failed.All(static finding => finding.Signature.RowsAreIndependent)) with
        {
            Node = told.Node,
            Rounding = told.Rounding,
        };
    }

    /// <summary>The verdict on axes that nobody has stated.</summary>
    public BatchAxisFinding Found(AxisTrial trial)
    {
        const string how = "The batch axis was found by a probe";
        var evidence = EvidenceOf(trial);
        if (trial.Dependence is { } why && trial.Measured.Outcome == MeasureOutcome.Independent && trial.Measured.Rounding <= MaxRounding)
            return Batchable(
                trial, RowEvidence.Dependent, $"{how}, although rows answer differently in company (by {Share(trial)} where tried): {why}.",
                isIndependent: false);
        if (evidence is RowEvidence.Dependent or RowEvidence.Inconclusive)
        {
            return Without(
                declared, ReasonOf(trial, evidence), evidence, trial.Dependence is null,
                trial.Measured.Outcome != MeasureOutcome.NotRepeatable) with
            {
                Node = trial.Node,
                Rounding = RoundingOf(trial),
            };
        }

        var note = Note(how, trial, evidence);
        if (!trial.Measured.IsOver) return Batchable(trial, evidence, note);
        var objection = $"rows alone and together differ by {Share(trial)} of the magnitude of output '{trial.Measured.RoundingOutput}', "
            + $"which is rounding, and more than BatchTolerance ({tolerance.ToString("0.0e+0", CultureInfo.InvariantCulture)}) allows.";
        return Batchable(trial, evidence, $"Requests of several callers are not run together: {objection} {note}", objection: objection);
    }

    /// <summary>The verdict on axes that the user has stated: they hold, and the evidence against them is said.</summary>
    public BatchAxisFinding Stated(AxisTrial trial)
    {
        var evidence = EvidenceOf(trial);
        if (trial.Dependence is { } why && trial.Measured.Outcome != MeasureOutcome.NotRepeatable)
        {
            var note = trial.Measured.Outcome == MeasureOutcome.Independent
                ? $"The batch axis was stated, although rows answer differently in company (by {Share(trial)} where tried): {why}."
                : $"The batch axis was stated, although rows answer differently in company: {why}. It could not be tried: "
                    + $"{ReasonOf(trial, evidence)}";
            return Batchable(trial, RowEvidence.Dependent, note, isIndependent: false) with { Warning = note };
        }

        if (evidence == RowEvidence.Dependent)
        {
            var note = $"{ReasonOf(trial, evidence)} The batch axis was stated all the same.";
            return Batchable(trial, evidence, note, isIndependent: false) with { Warning = note };
        }

        if (evidence == RowEvidence.Inconclusive)
            return Batchable(trial, evidence, $"The batch axis was stated; it could not be tried: {ReasonOf(trial, evidence)}");
        var found = Batchable(trial, evidence, Note("The batch axis was stated", trial, evidence));
        return trial.Measured.IsOver ? found with { Warning = found.Signature.BatchingNote } : found;
    }

    private static RowEvidence EvidenceOf(AxisTrial trial) => trial.Measured.Outcome switch
    {
        MeasureOutcome.NotRepeatable or MeasureOutcome.NoAxis or MeasureOutcome.Dependent => RowEvidence.Dependent,
        _ when trial.Verdict == RowIndependence.Disproved || trial.Dependence is not null => RowEvidence.Dependent,
        MeasureOutcome.NoRow or MeasureOutcome.Inconclusive => RowEvidence.Inconclusive,
        _ => trial.Verdict == RowIndependence.Proved ? RowEvidence.Proved : RowEvidence.Measured,
    };

    private static string ReasonOf(AxisTrial trial, RowEvidence evidence)
    {
        var (proof, measured) = (trial.Proof, trial.Measured);
        switch (measured.Outcome)
        {
            case MeasureOutcome.NotRepeatable:
                return $"The model is not deterministic, or keeps state: {measured.Reason}.";
            case MeasureOutcome.NoAxis:
                return measured.Reason;
            case MeasureOutcome.Dependent:
                return $"Rows answer differently in company: {measured.Reason}.";
        }

        if (trial.Verdict == RowIndependence.Disproved && trial.Dependence is null)
            return $"Rows answer differently in company, because {proof!.Reason}.";
        if (evidence == RowEvidence.Dependent)
            return $"Rows answer differently in company (by {Share(trial)}), by more than rounding would.";
        if (measured.Outcome == MeasureOutcome.Inconclusive)
            return $"Whether rows answer alike in any company could not be told: {measured.Reason}. {Remedy}";
        return measured.Reason.Length == 0
            ? "No row could be made up: there is an input that is no tensor, or a very large one. State SampleInputs."
            : $"A row to try it with was refused: {measured.Reason}";
    }

    private static string Note(string how, AxisTrial trial, RowEvidence evidence) => evidence == RowEvidence.Proved
        ? $"{how}; the graph shows that each row's answer follows from that row alone, and rows alone and together differ by "
            + $"{Share(trial)}."
        : $"{how}; rows alone and together differ by {Share(trial)}.";

    private static string Share(AxisTrial trial) => trial.Measured.Rounding.ToString("0.0e+0", CultureInfo.InvariantCulture);

    private static double? RoundingOf(AxisTrial trial) => trial.Measured.OutputAxes.Length == 0 ? null : trial.Measured.Rounding;

    private BatchAxisFinding Batchable(
        AxisTrial trial, RowEvidence evidence, string note, bool isIndependent = true, string? objection = null) =>
        new(With(OutputAxesOf(trial), note, isIndependent, trial.Measured.Outcome != MeasureOutcome.NotRepeatable, objection), evidence)
        {
            Node = trial.Node,
            Rounding = RoundingOf(trial),
            Reason = note,
        };

    /// <summary>The axes that runs showed, or else those that the graph tells; else rows are taken to lie on the first axis.</summary>
    private int?[] OutputAxesOf(AxisTrial trial) => [.. declared.Outputs.Select((_, i) =>
        (i < trial.Measured.OutputAxes.Length ? trial.Measured.OutputAxes[i] : null)
        ?? (i < trial.Proof?.OutputAxes.Count ? trial.Proof.OutputAxes[i] : null) ?? 0)];

    private ModelSignature With(
        int?[] outputAxes, string note, bool isIndependent = true, bool isRepeatable = true, string? objection = null) => new(
        declared.Inputs.Select((input, i) => input with { BatchAxis = axes[i] }),
        declared.Outputs.Select((output, i) => output with { BatchAxis = outputAxes[i] }),
        note)
        {
            RowsAreIndependent = isIndependent,
            AnswersAreRepeatable = isRepeatable,
            BatchingObjection = objection,
            RowTolerance = tolerance,
            Metadata = declared.Metadata,
        };
}
