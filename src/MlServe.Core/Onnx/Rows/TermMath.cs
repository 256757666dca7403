namespace MlServe.Onnx.Rows;

/// <summary>
/// Arithmetic on the numbers that shapes are made of. Alone and in company are computed side by side. A number that grows with the rows
/// stays a <see cref="Term"/> only if it is exactly as many times larger as there are rows. A null is a number that follows from the number
/// of rows in another way.
/// </summary>
internal sealed class TermMath(Symbols symbols, bool isReal)
{
    /// <summary>Whether an operator is understood here.</summary>
    public static bool Knows(string opType) =>
        opType is "Identity" or "Add" or "Sum" or "Sub" or "Mul" or "Div" or "Mod" or "Min" or "Max" or "Neg" or "Abs" or "Floor" or "Ceil"
            or "Round"
        or "Equal" or "Greater" or "GreaterOrEqual" or "Less" or "LessOrEqual" or "Not" or "And" or "Or" or "Where" or "Clip";

    public Term? Apply(string opType, ReadOnlySpan<Term?> operands) => opType switch
    {
        "Identity" => operands[0],
        "Neg" => operands[0] is { } value ? Multiply(value, Term.Of(-1)) : null,
        "Abs" => operands[0] is { Alone.IsCount: true } value ? value : Opaque(opType, operands[0], Term.Of(0), isCount: true),
        "Floor" or "Ceil" or "Round" =>
            operands[0] is { Alone.IsWhole: true } value ? value : Opaque(opType, operands[0], Term.Of(0), isCount: false),
        "Not" =>
            operands[0] is { IsScaled: false, Alone.IsKnown: true } value
                ? Truth(value.Alone.Factor == 0)
                : Opaque(opType, operands[0], Term.Of(0), isCount: true),
        "Where" => operands.Length == 3 ? Choose(operands[0], operands[1], operands[2]) : null,
        "Clip" => Fold(operands),
        _ when operands.Length == 1 => operands[0],
        _ => Reduce(opType, operands),
    };

    public Term? Reduce(string opType, ReadOnlySpan<Term?> operands)
    {
        var result = operands[0];
        foreach (var operand in operands[1..])
        {
            // Of a product with 0 nothing else matters.
            if (opType is "Mul"
                && ((result is { } zero && zero.Alone.Is(0)) || (operand is { } other && other.Alone.Is(0)))) result = Term.Of(0);
            else if (result is not { } left || operand is not { } right) return null;
            else result = Binary(opType, left, right);
        }

        return result;
    }

    public Term? Cast(Term? term, bool toReal)
    {
        if (term is not { } value || toReal || !isReal || value.Alone.IsWhole) return term;
        return Opaque("Cast", term, Term.Of(0), isCount: false);
    }

    private Term? Binary(string opType, Term left, Term right) => opType switch
    {
        "Add" or "Sum" => left.Is(0) ? right : right.Is(0) ? left : Same(left, right, symbols.Sum),
        "Sub" => right.Is(0) ? left : Same(left, right, symbols.Difference),
        "Mul" => Multiply(left, right),
        "Div" => Divide(left, right),
        "Mod" => Modulo(left, right),
        "Min" or "Max" => Extreme(opType, left, right),
        "Equal" => AreEqual(left, right),
        "Greater" => IsLess(right, left, orEqual: false),
        "GreaterOrEqual" => IsLess(right, left, orEqual: true),
        "Less" => IsLess(left, right, orEqual: false),
        "LessOrEqual" => IsLess(left, right, orEqual: true),
        "And" or "Or" => Logical(opType, left, right),
        _ => null,
    };

    private Term? Fold(ReadOnlySpan<Term?> operands)
    {
        var result = operands[0];
        if (operands.Length > 1) result = Reduce("Max", [result, operands[1]]);
        return operands.Length > 2 ? Reduce("Min", [result, operands[2]]) : result;
    }

    private Term? Multiply(Term left, Term right)
    {
        if (left.Alone.Is(0) || right.Alone.Is(0)) return Term.Of(0);
        if (left.IsScaled && right.IsScaled) return null;
        return new(symbols.Product(left.Alone, right.Alone), left.IsScaled || right.IsScaled);
    }

    private Term? Divide(Term left, Term right)
    {
        if (right.Alone.Is(0)) return null;
        if (left.Alone.Over(right.Alone) is { } exact)
            return !right.IsScaled ? new(exact, left.IsScaled) : left.IsScaled ? new Term(exact, IsScaled: false) : null;
        if (left.IsScaled != right.IsScaled) return null;
        if (!isReal && left.Alone.IsKnown && right.Alone.IsKnown) return Term.Of(left.Alone.Factor / right.Alone.Factor);
        return new(
            symbols.Of(isReal ? "/" : "div", left.Alone, right.Alone, !isReal && left.Alone.IsCount && right.Alone.IsCount),
            IsScaled: false);
    }

    private Term? Modulo(Term left, Term right)
    {
        if (isReal || right.Alone.Is(0)) return null;
        if (!right.IsScaled && left.Alone.Over(right.Alone) is not null) return Term.Of(0);
        if (left.IsScaled != right.IsScaled) return null;
        var isCount = left.Alone.IsCount && right.Alone.IsCount;
        if (isCount && left.Alone.IsKnown && right.Alone.IsKnown)
            return new(Size.Of(left.Alone.Factor % right.Alone.Factor), left.IsScaled);
        return new(symbols.Of("%", left.Alone, right.Alone, isCount), left.IsScaled);
    }

    private Term? Extreme(string opType, Term left, Term right)
    {
        if (left == right) return left;
        if (left.IsScaled == right.IsScaled)
        {
            if (!left.Alone.IsKnown || !right.Alone.IsKnown)
                return new(symbols.Of(opType, left.Alone, right.Alone, left.Alone.IsCount && right.Alone.IsCount), left.IsScaled);
            return (left.Alone.Factor < right.Alone.Factor) == (opType == "Min") ? left : right;
        }

        // There is at least one row: rows·m is at least m.
        var (scaled, fixedOne) = left.IsScaled ? (left, right) : (right, left);
        if (!scaled.Alone.IsKnown || !fixedOne.Alone.IsKnown || scaled.Alone.Factor < Math.Max(0, fixedOne.Alone.Factor)) return null;
        return opType == "Max" ? scaled : fixedOne;
    }

    private Term? AreEqual(Term left, Term right)
    {
        if (left == right) return Truth(true);
        if (left.IsScaled == right.IsScaled && left.Alone.IsKnown && right.Alone.IsKnown)
            return Truth(left.Alone.Factor == right.Alone.Factor);
        if (IsBelow(left, right) || IsBelow(right, left)) return Truth(false);
        return left.IsScaled == right.IsScaled ? new(symbols.Of("==", left.Alone, right.Alone, isCount: true), IsScaled: false) : null;
    }

    private Term? IsLess(Term left, Term right, bool orEqual)
    {
        if (left == right) return Truth(orEqual);
        if (left.IsScaled == right.IsScaled && left.Alone.IsKnown && right.Alone.IsKnown)
            return Truth(orEqual ? left.Alone.Factor <= right.Alone.Factor : left.Alone.Factor < right.Alone.Factor);
        if (IsBelow(left, right)) return Truth(true);
        if (IsBelow(right, left)) return Truth(false);
        return left.IsScaled == right.IsScaled
            ? new(symbols.Of(orEqual ? "<=" : "<", left.Alone, right.Alone, isCount: true), IsScaled: false)
            : null;
    }

    /// <summary>Whether the left is less than the right in every run, of however many rows.</summary>
    private static bool IsBelow(Term left, Term right)
    {
        if (right is { IsScaled: false, Alone.IsKnown: true })
            return !left.IsScaled && left.Alone.IsKnown && left.Alone.Factor < right.Alone.Factor;
        if (left is not { IsScaled: false, Alone.IsKnown: true }) return false;

        // A count is 0 or more, and as many of a known one as there are rows are at least that.
        return right.Alone.IsKnown
            ? right.IsScaled && right.Alone.Factor >= 0 && left.Alone.Factor < right.Alone.Factor
            : right.Alone.IsCount && left.Alone.Factor < 0;
    }

    private Term? Logical(string opType, Term left, Term right)
    {
        if (left.IsScaled || right.IsScaled) return null;
        if (left.Alone.IsKnown && right.Alone.IsKnown)
            return Truth(opType == "And"
                ? left.Alone.Factor != 0 && right.Alone.Factor != 0
                : left.Alone.Factor != 0 || right.Alone.Factor != 0);
        return new(symbols.Of(opType, left.Alone, right.Alone, isCount: true), IsScaled: false);
    }

    private Term? Choose(Term? condition, Term? yes, Term? no)
    {
        if (condition is { IsScaled: false, Alone.IsKnown: true } known) return known.Alone.Factor != 0 ? yes : no;
        if (yes == no && condition is not null) return yes;
        if (condition is not { IsScaled: false } open || yes is not { } left || no is not { } right || left.IsScaled != right.IsScaled)
            return null;
        var chosen = symbols.Of("pair", left.Alone, right.Alone, isCount: left.Alone.IsCount && right.Alone.IsCount);
        return new(symbols.Of("where", open.Alone, chosen, chosen.IsCount), left.IsScaled);
    }

    private static Term? Same(Term left, Term right, Func<Size, Size, Size> operation) =>
        left.IsScaled == right.IsScaled ? new(operation(left.Alone, right.Alone), left.IsScaled) : null;

    /// <summary>A number that is the same alone and in company, for any operation.</summary>
    private Term? Opaque(string operation, Term? operand, Term other, bool isCount) =>
        operand is { IsScaled: false } value ? new(symbols.Of(operation, value.Alone, other.Alone, isCount), IsScaled: false) : null;

    private static Term Truth(bool value) => Term.Of(value ? 1 : 0);
}
