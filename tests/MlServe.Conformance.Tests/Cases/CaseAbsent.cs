namespace MlServe.Cases;

/// <summary>An optional without a value.</summary>
internal sealed class CaseAbsent : CaseValue
{
    public static readonly CaseAbsent Instance = new();

    public override PredictionInput ToInput(string name) => PredictionInput.Absent(name);

    public override long SizeOf(int axis) => 0;

    public override CaseValue RowAt(int axis, int row) => this;

    public override string? DifferenceTo(PredictionOutput actual) =>
        actual.Kind == ValueKind.Optional ? null : $"kind {actual.Kind} vs no value";
}
