namespace MlServe.Onnx.Rows;

/// <summary>Makes symbols, and gives sizes that are computed twice in the same way the same one.</summary>
internal sealed class Symbols
{
    private readonly Dictionary<Formula, Symbol> _made = [];

    /// <summary>The last symbol that was made.</summary>
    public int Last { get; private set; }

    /// <summary>A number of things that nothing is known of.</summary>
    public Size Count() => Size.OfSymbol(++Last);

    /// <summary>A number that nothing is known of.</summary>
    public Size Any() => Size.OfSymbol(-++Last);

    /// <summary>The result of an operation on two numbers, if nothing else is known of it.</summary>
    public Size Of(string operation, Size left, Size right, bool isCount)
    {
        var formula = new Formula(operation, left, right);
        if (!_made.TryGetValue(formula, out var symbol)) _made[formula] = symbol = new(isCount ? Count() : Any());
        return symbol.Size;
    }

    public Size Product(Size left, Size right) => left.Times(right) ?? Of("*", left, right, left.IsCount && right.IsCount);

    public Size Product(ReadOnlySpan<Size> factors)
    {
        var product = Size.One;
        foreach (var factor in factors)
            product = Product(product, factor);
        return product;
    }

    public Size Sum(Size left, Size right)
    {
        if (left.Is(0)) return right;
        if (right.Is(0)) return left;
        if (left.IsKnown && right.IsKnown && Int128.Abs((Int128)left.Factor + right.Factor) <= long.MaxValue)
            return Size.Of(left.Factor + right.Factor);
        return Of("+", left, right, left.IsCount && right.IsCount);
    }

    public Size Difference(Size left, Size right)
    {
        if (right.Is(0)) return left;
        if (left == right) return Size.Zero;
        if (left.IsKnown && right.IsKnown && Int128.Abs((Int128)left.Factor - right.Factor) <= long.MaxValue)
            return Size.Of(left.Factor - right.Factor);
        return Of("-", left, right, isCount: false);
    }

    /// <summary>A dimension that a formula makes of another: known if that is, else a symbol of its own.</summary>
    public Size Resized(Size from, string formula, Func<long, long> compute) =>
        from.IsKnown ? compute(from.Factor) is var size && size >= 0 ? Size.Of(size) : Count() : Of(formula, from, Size.One, isCount: true);

    private sealed record Formula(string Operation, Size Left, Size Right);

    private sealed record Symbol(Size Size);
}
