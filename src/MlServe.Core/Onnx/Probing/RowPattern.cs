namespace MlServe.Onnx.Probing;

/// <summary>A made-up row: the same pattern always makes the same row.</summary>
/// <param name="Kind">The look of its numbers.</param>
/// <param name="Magnitude">How large they are, if they are no integers; below 0 for a spike downwards.</param>
/// <param name="Index">Tells rows of one kind and magnitude apart.</param>
/// <param name="Position">Of a spike: its place, as a share of the row's length.</param>
/// <param name="Variant">Which values the inputs have that all rows share, from 0.</param>
internal sealed record RowPattern(RowKind Kind, double Magnitude, int Index = 0, double Position = 0, int Variant = 0)
{
    /// <summary>Whether two rows are of one scale, so that their answers are of one magnitude and are judged by it.</summary>
    public bool IsOfScale(RowPattern other) => Kind == other.Kind && Magnitude == other.Magnitude;
}
