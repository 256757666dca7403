namespace MlServe.Onnx.Probing;

/// <summary>The findings of <see cref="RowMeasurement"/>.</summary>
/// <param name="Outcome">The outcome.</param>
/// <param name="Reason">Why, a clause for a sentence; empty for <see cref="MeasureOutcome.Independent"/>.</param>
internal sealed record MeasuredRows(MeasureOutcome Outcome, string Reason)
{
    /// <summary>For each output the axis along which its rows lie; empty if they were not found.</summary>
    public int?[] OutputAxes { get; init; } = [];

    /// <summary>
    /// By how much of an output's magnitude a row differed in company at most; infinite if integers, booleans or texts differed.
    /// </summary>
    public double Rounding { get; init; }

    /// <summary>Whether that is more than is tolerated.</summary>
    public bool IsOver { get; init; }

    /// <summary>The output that differed most; null if none did.</summary>
    public string? RoundingOutput { get; init; }

    /// <summary>The row that was run first and answered.</summary>
    public PredictionInputs? Row { get; init; }
}
