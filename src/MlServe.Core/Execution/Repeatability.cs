namespace MlServe;

/// <summary>Tells whether a model answers the same row alike again.</summary>
internal static class Repeatability
{
    /// <summary>
    /// By how much of its magnitude, in the type's last digits, an output may differ in another run. On one thread it does not; several
    /// threads may add in another order.
    /// </summary>
    private const double Steps = 64;

    /// <summary>Whether two answers to one row are two different ones.</summary>
    public static bool Differs(OutputValue first, OutputValue second)
    {
        if (first.Kind != second.Kind || first.ElementType != second.ElementType || first.Length != second.Length
            || !first.Shape.SequenceEqual(second.Shape))
            return true;
        if (first.Kind == ValueKind.Optional) return false;
        return RowAgreement.Difference(first, second) > Steps * RowAgreement.Epsilon(first) * RowAgreement.Magnitude(first);
    }
}
