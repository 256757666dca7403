using System.Globalization;

namespace MlServe;

/// <summary>The size of one axis as a model declares it: a number, a name, or nothing.</summary>
public readonly record struct Dimension
{
    private readonly long _sizePlusOne;

    private Dimension(long sizePlusOne, string? symbol)
    {
        _sizePlusOne = sizePlusOne;
        Symbol = symbol;
    }

    /// <summary>An axis of a fixed size, 0 or more.</summary>
    /// <param name="size">The size.</param>
    public static Dimension Fixed(long size)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        return new(size + 1, null);
    }

    /// <summary>An axis of any size; axes with the same name have the same size.</summary>
    /// <param name="symbol">The name, or null for an axis without one.</param>
    public static Dimension Free(string? symbol = null) => new(0, string.IsNullOrEmpty(symbol) ? null : symbol);

    /// <summary>The size, or null if it is free.</summary>
    public long? Size => _sizePlusOne == 0 ? null : _sizePlusOne - 1;

    /// <summary>The name of a free axis, if it has one.</summary>
    public string? Symbol { get; }

    /// <summary>Whether requests may choose the size.</summary>
    public bool IsFree => _sizePlusOne == 0;

    /// <inheritdoc />
    public override string ToString() => Size?.ToString(CultureInfo.InvariantCulture) ?? Symbol ?? "?";
}
