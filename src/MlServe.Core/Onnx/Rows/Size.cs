using System.Globalization;

namespace MlServe.Onnx.Rows;

/// <summary>
/// A number that a run of one row knows, as a product of a factor and of symbols. A symbol stands for one number, whichever it is, in one
/// run: for a free dimension,
/// say. Two sizes that are equal are equal in every run; two that are not may be equal all the same.
/// </summary>
internal readonly struct Size : IEquatable<Size>
{
    private const int MaxSymbols = 16;

    // Ascending. Negative ones may stand for a negative number, or for one that is not whole.
    private readonly int[]? _symbols;

    private Size(long factor, int[]? symbols)
    {
        Factor = factor;
        _symbols = factor == 0 || symbols is { Length: 0 } ? null : symbols;
    }

    public static Size Zero => default;

    public static Size One => new(1, null);

    public long Factor { get; }

    public bool IsKnown => _symbols is null;

    /// <summary>Whether it is 0 or more, and whole.</summary>
    public bool IsCount => Factor >= 0 && (_symbols is null || _symbols[0] > 0);

    public bool IsWhole => _symbols is null || _symbols[0] > 0;

    public static Size Of(long value) => new(value, null);

    /// <summary>A symbol: above 0 for a number of things, below for any number.</summary>
    public static Size OfSymbol(int symbol) => new(1, [symbol]);

    public static bool operator ==(Size left, Size right) => left.Equals(right);

    public static bool operator !=(Size left, Size right) => !left.Equals(right);

    public bool Is(long value) => _symbols is null && Factor == value;

    /// <summary>The product; null if it cannot be written.</summary>
    public Size? Times(Size other)
    {
        if (Factor == 0 || other.Factor == 0) return Zero;
        var count = SymbolCount + other.SymbolCount;
        if (count > MaxSymbols || Int128.Abs((Int128)Factor * other.Factor) > long.MaxValue) return null;
        if (count == SymbolCount) return new(Factor * other.Factor, _symbols);
        if (count == other.SymbolCount) return new(Factor * other.Factor, other._symbols);
        int[] symbols = [.. _symbols!, .. other._symbols!];
        Array.Sort(symbols);
        return new(Factor * other.Factor, symbols);
    }

    /// <summary>The quotient if it leaves no rest, whichever numbers the symbols stand for; else null.</summary>
    public Size? Over(Size other)
    {
        if (other.Factor == 0 || Factor % other.Factor != 0) return null;
        if (Factor == 0) return Zero;
        if (other._symbols is null) return new(Factor / other.Factor, _symbols);
        var rest = new List<int>(_symbols ?? []);
        foreach (var symbol in other._symbols)
        {
            if (!rest.Remove(symbol)) return null;
        }

        return new(Factor / other.Factor, [.. rest]);
    }

    /// <summary>Whether it names no symbol that was made after another.</summary>
    public bool IsOlderThan(int symbol) => _symbols is null || Array.TrueForAll(_symbols, one => Math.Abs(one) <= symbol);

    public bool Equals(Size other) => Factor == other.Factor && (_symbols ?? []).AsSpan().SequenceEqual(other._symbols ?? []);

    public override bool Equals(object? obj) => obj is Size other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Factor);
        foreach (var symbol in _symbols ?? [])
            hash.Add(symbol);
        return hash.ToHashCode();
    }

    public override string ToString() => string.Join('·',
        (string[])[Factor.ToString(CultureInfo.InvariantCulture),
            .. (_symbols ?? []).Select(static symbol => $"s{symbol.ToString(CultureInfo.InvariantCulture)}")]);

    private int SymbolCount => _symbols?.Length ?? 0;
}
