using MlServe.Onnx.Probing;
using MlServe.Onnx.Rows;

namespace MlServe.Onnx;

/// <summary>
/// Finds along which axes rows lie, and whether a row's answer is the same in any company. It goes by the graph if that tells, and by
/// running rows alone and together. Declared shapes are only hints for what to try first, because they are often wrong. The user's
/// statement is the last word. A model that no trial fits, or of which it cannot be told, is run one row at a time. If the file says why
/// rows answer differently (<paramref name="dependence"/>), that alone is no reason against an axis; the signature says that rows are not
/// independent.
/// </summary>
/// <param name="declared">The model's statements about itself.</param>
/// <param name="options">The user's statements.</param>
/// <param name="open">Opens the model for a trial of the axes of a signature; null if it is not to be run.</param>
/// <param name="budget">The cost that trials may have.</param>
/// <param name="follow">Follows rows along axes through the graph; gives null if it could not be read.</param>
/// <param name="facts">The graph's hints about how to try it.</param>
/// <param name="dependence">Why the file says that rows depend on each other; null if it does not.</param>
internal sealed class BatchAxisProbe(
    ModelSignature declared, OnnxModelOptions options, Func<ModelSignature, ITrial>? open, TrialBudget budget,
    Func<IReadOnlyList<int?>, RowProof?> follow, GraphFacts facts, RowDependence? dependence)
{
    private const int MaxSamples = 16;
    private const string NotRun = "The model is not run while it is loaded (RunAtLoad is false), and its batch axis is not known without.";

    public BatchAxisFinding Find()
    {
        if (options.BatchDetection == BatchDetection.None) return Nothing("The options say that it takes one row at a time.");
        if (options.BatchAxis is not null || options.BatchAxes.Count > 0)
        {
            var stated = BatchAxisTrials.Stated(declared, options.BatchAxis, options.BatchAxes);
            return new BatchAxisVerdict(declared, options.BatchTolerance, stated).Stated(Try(stated));
        }

        var trials = BatchAxisTrials.For(declared);
        if (trials.Count == 0) return Nothing("All axes of all inputs have a fixed size.");

        if (open is null) return Nothing(NotRun);

        var failed = new List<BatchAxisFinding>();
        BatchAxisFinding? least = null;
        foreach (var axes in trials)
        {
            var finding = new BatchAxisVerdict(declared, options.BatchTolerance, axes).Found(Try(axes));
            if (finding.Signature is { IsBatchable: true, RowsAreIndependent: true } or { AnswersAreRepeatable: false }) return finding;
            if (!finding.Signature.IsBatchable) failed.Add(finding);
            else if (least is null || finding.Rounding < least.Rounding) least = finding;
        }

        return least ?? BatchAxisVerdict.NoneOf(declared, failed);
    }

    private BatchAxisFinding Nothing(string reason) => BatchAxisVerdict.Without(declared, reason, RowEvidence.None);

    private AxisTrial Try(IReadOnlyList<int?> axes)
    {
        var proof = follow(axes);

        // An operator that the file has somewhere need not have anything to do with the rows.
        var why = dependence is { IsOperator: true } && proof?.Verdict == RowIndependence.Proved ? null : dependence;
        if (facts.Unrepeatable is { } culprit)
            return new(proof, new(MeasureOutcome.NotRepeatable, $"{culprit.Node} {culprit.Reason}"), why?.Reason) { Node = culprit.Node };

        if (open is null) return new(proof, new(MeasureOutcome.Inconclusive, NotRun), why?.Reason);
        var candidate = BatchAxisVerdict.Candidate(declared, axes);
        using var trial = open(candidate);
        return new(
            proof, Measure(trial, candidate, why is null ? proof?.Verdict ?? RowIndependence.Unknown : RowIndependence.Disproved),
            why?.Reason);
    }

    private MeasuredRows Measure(ITrial trial, ModelSignature candidate, RowIndependence proved)
    {
        var samples = new List<TrialRow>();
        PreparedRequest first = default;
        foreach (var sample in options.SampleInputs)
        {
            if (trial.Prepare(in sample, out var request) is { } error)
            {
                if (samples.Count == 0) return new(MeasureOutcome.NoRow, error.Message);
                continue;
            }

            if (samples.Count == 0) first = request;
            else if (!request.Shape.Equals(first.Shape)) continue;
            for (var row = 0; row < request.Rows && samples.Count < MaxSamples; row++)
                samples.Add(new(sample, row));
        }

        MeasuredRows? last = null;
        foreach (var template in TemplatesFor(candidate, samples, first))
        {
            var measurement = new RowMeasurement(trial, declared, budget, options.BatchTolerance, samples);
            last = proved switch
            {
                RowIndependence.Disproved => measurement.FindAxes(template),
                RowIndependence.Proved => measurement.FindRounding(template),
                _ => measurement.FindEvidence(template),
            };
            if (last.Outcome != MeasureOutcome.NoRow) return last;
        }

        return last ?? new(MeasureOutcome.NoRow, "");
    }

    private IEnumerable<RowTemplate> TemplatesFor(ModelSignature candidate, List<TrialRow> samples, PreparedRequest request)
    {
        if (samples.Count > 0)
        {
            if (RowTemplate.Of(candidate, samples[0].Inputs, in request, facts) is { } template) yield return template;
            yield break;
        }

        foreach (var guess in RowGuess.For(candidate))
        {
            if (RowTemplate.Guess(candidate, guess, facts) is { } template) yield return template;
        }
    }
}
