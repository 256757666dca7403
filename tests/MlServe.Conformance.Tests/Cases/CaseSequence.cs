namespace MlServe.Cases;

/// <summary>A sequence of values.</summary>
internal sealed class CaseSequence(IReadOnlyList<CaseValue> elements) : CaseValue
{
    public IReadOnlyList<CaseValue> Elements { get; } = elements;

    public override PredictionInput ToInput(string name) =>
        PredictionInput.SequenceOf(name, [.. Elements.Select(static element => element.ToInput(""))]);

    public override long SizeOf(int axis) => Elements.Count;

    public override CaseValue RowAt(int axis, int row) => Elements[row];

    public override string? DifferenceTo(PredictionOutput actual)
    {
        if (actual.Kind != ValueKind.Sequence) return $"kind {actual.Kind} vs Sequence";
        if (actual.Length != Elements.Count) return $"{actual.Length} elements vs {Elements.Count}";
        for (var i = 0; i < Elements.Count; i++)
        {
            if (Elements[i].DifferenceTo(actual[i]) is { } difference) return $"[{i}] {difference}";
        }

        return null;
    }
}
