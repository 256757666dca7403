namespace MlServe.Onnx.Probing;

/// <summary>The integers that an input may hold.</summary>
/// <param name="Min">The least.</param>
/// <param name="End">The first that is too large.</param>
internal sealed record IntegerRange(long Min, long End)
{
    public bool IsEmpty => End <= Min;

    public IntegerRange And(IntegerRange other) => new(Math.Max(Min, other.Min), Math.Min(End, other.End));
}
