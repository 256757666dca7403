using MlServe.Onnx.Rows;
using MlServe.Tensors;

namespace MlServe.Onnx.Profiles;

/// <summary>The findings of a load's trials, so that the next load of the same model need not make them again.</summary>
/// <param name="InputAxes">The batch axis of each input.</param>
/// <param name="OutputAxes">The batch axis of each output.</param>
/// <param name="InputKinds">The numbers that each input may hold besides finite ones.</param>
/// <param name="OutputKinds">The numbers that answers to good rows held besides finite ones, for each output.</param>
/// <param name="Note">How the batch axis was found, or why there is none.</param>
/// <param name="RowsAreIndependent">Whether a row's answer is the same in any company.</param>
/// <param name="AnswersAreRepeatable">Whether a row's answer is the same each time.</param>
/// <param name="Objection">Why rows of several callers are not run together; null if they may be.</param>
/// <param name="RowTolerance">By how much rows may differ in company.</param>
/// <param name="Evidence">The evidence about rows in company.</param>
/// <param name="Reason">Why it was found so.</param>
/// <param name="Node">The operator and the node that decide.</param>
/// <param name="Rounding">By how much rows differed in company.</param>
/// <param name="Warning">A warning to the user.</param>
/// <param name="Untried">Inputs that there was no time to try.</param>
/// <param name="Row">The number of the made-up row that the model took.</param>
internal sealed record ModelProfile(
    int?[] InputAxes, int?[] OutputAxes, NonFiniteValues[] InputKinds, NonFiniteValues[] OutputKinds, string Note, bool RowsAreIndependent,
    bool AnswersAreRepeatable, string? Objection, double RowTolerance, RowEvidence Evidence, string Reason, string? Node, double? Rounding,
    string? Warning, string[] Untried, int Row)
{
    public static ModelProfile Of(BatchAxisFinding finding, IEnumerable<string> untried, int row) => new(
        [.. finding.Signature.Inputs.Select(static input => input.BatchAxis)],
        [.. finding.Signature.Outputs.Select(static output => output.BatchAxis)],
        [.. finding.Signature.Inputs.Select(static input => input.NonFiniteValues)],
        [.. finding.Signature.Outputs.Select(static output => output.NonFiniteValues)],
        finding.Signature.BatchingNote, finding.Signature.RowsAreIndependent, finding.Signature.AnswersAreRepeatable,
        finding.Signature.BatchingObjection, finding.Signature.RowTolerance, finding.Evidence, finding.Reason, finding.Node,
        finding.Rounding, finding.Warning, [.. untried], row);

    /// <summary>Before numbers that are not finite were tried: nothing is refused.</summary>
    public ModelProfile TakingAll() => this with
    {
        InputKinds = [.. InputKinds.Select(static _ => NonFiniteValues.All)],
        OutputKinds = [.. OutputKinds.Select(static _ => NonFiniteValues.All)],
    };

    /// <summary>With the findings of a further trial: a kind that was answered finitely once may come.</summary>
    public ModelProfile With(ModelSignature tried) => this with
    {
        InputKinds = [.. tried.Inputs.Select((input, i) => input.NonFiniteValues | InputKinds[i])],
        OutputKinds = [.. tried.Outputs.Select((output, i) => output.NonFiniteValues | OutputKinds[i])],
    };

    /// <summary>The finding; null if it is not one about a model with these inputs and outputs.</summary>
    public BatchAxisFinding? ToFinding(ModelSignature declared)
    {
        if (InputAxes is null || OutputAxes is null || InputKinds is null || OutputKinds is null || Untried is null) return null;
        if (!Fit(declared.Inputs, InputAxes, InputKinds) || !Fit(declared.Outputs, OutputAxes, OutputKinds)) return null;
        if (Note is null || Reason is null || Row < 0 || !(RowTolerance is > 0 and <= 1) || !Enum.IsDefined(Evidence)) return null;
        var signature = new ModelSignature(
            With(declared.Inputs, InputAxes, InputKinds), With(declared.Outputs, OutputAxes, OutputKinds), Note)
        {
            RowsAreIndependent = RowsAreIndependent,
            AnswersAreRepeatable = AnswersAreRepeatable,
            BatchingObjection = Objection,
            RowTolerance = RowTolerance,
            Metadata = declared.Metadata,
        };
        return new(signature, Evidence) { Reason = Reason, Node = Node, Rounding = Rounding, Warning = Warning };
    }

    private static bool Fit(IReadOnlyList<ValueSignature> values, int?[] axes, NonFiniteValues[] kinds) =>
        axes.Length == values.Count && kinds.Length == values.Count
        && Array.TrueForAll(kinds, static kind => (kind & ~NonFiniteValues.All) == 0)
        && axes.Index().All(axis => axis.Item is not { } at || (at >= 0 && at < Math.Max(1, values[axis.Index].Shape.Count)));

    private static IEnumerable<ValueSignature> With(IReadOnlyList<ValueSignature> values, int?[] axes, NonFiniteValues[] kinds) =>
        values.Select((value, i) => value with { BatchAxis = axes[i], NonFiniteValues = kinds[i] });
}
