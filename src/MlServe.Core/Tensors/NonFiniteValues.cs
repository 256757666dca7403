namespace MlServe.Tensors;

/// <summary>
/// Values of floating point that are no numbers to count with. In configuration several are parted by commas:
/// <c>"NaN, NegativeInfinity"</c>.
/// </summary>
[Flags]
public enum NonFiniteValues
{
    /// <summary>None: all are finite.</summary>
    None = 0,

    /// <summary>Not a number, with any sign and payload. Trees take it for a value that is missing.</summary>
    NaN = 1,

    /// <summary>Larger than every number. JSON's <c>1e39</c> is one in single precision.</summary>
    PositiveInfinity = 2,

    /// <summary>Smaller than every number. Masks that are added take it for elements that must not be looked at.</summary>
    NegativeInfinity = 4,

    /// <summary>All three.</summary>
    All = NaN | PositiveInfinity | NegativeInfinity,
}
