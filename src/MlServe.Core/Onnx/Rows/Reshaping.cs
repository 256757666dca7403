namespace MlServe.Onnx.Rows;

/// <summary>
/// The place of rows after a reshape. Take a value whose rows lie along an axis. Seen flat, in company, it is P blocks, in each of which
/// every row has one piece behind the other's. P is the product of the dimensions before the axis, times its outer size. A new shape keeps
/// the rows apart if its one dimension that grows with them begins at such a block.
/// </summary>
internal static class Reshaping
{
    /// <param name="flow">The node.</param>
    /// <param name="value">The value that is reshaped.</param>
    /// <param name="target">The new dimensions, -1 for the one that follows from the others.</param>
    /// <param name="zeroCopies">Whether a 0 takes the dimension of the value in its place.</param>
    public static FlowValue Apply(NodeFlow flow, FlowValue value, Term?[] target, bool zeroCopies)
    {
        if (value.Dims is null)
        {
            return target.All(static term => term is { IsScaled: false })
                ? value.Restructure([.. target.Select(term => Plain(flow, term!.Value))], 0)
                : flow.Unclear("gives a value of unknown shape one that follows from the number of rows");
        }

        var terms = new Term[target.Length];
        int? open = null, grown = null;
        for (var i = 0; i < target.Length; i++)
        {
            if (target[i] is not { } term)
                return flow.Unclear("gives a shape that follows from the number of rows in a way that is not understood");
            if (zeroCopies && term.Alone.Is(0))
            {
                if (i >= value.Rank) return flow.Unclear("copies a dimension that there is not");
                term = new(value.Dims[i], value.IsRows && i == value.Axis);
            }
            else if (term.Is(-1))
            {
                if (open is not null) return flow.Unclear("leaves two dimensions open");
                open = i;
                continue;
            }
            else if (term is { IsScaled: false, Alone: { IsKnown: true, Factor: < 0 } })
            {
                return flow.Unclear("gives a negative dimension");
            }

            // A size that is 0 after all would copy the axis of the rows; harmless where there is nothing then.
            if (zeroCopies && value.IsRows && i == value.Axis && !term.IsScaled && flow.Symbols.Product(value.Dims).Over(term.Alone) is null
                && !term.Alone.IsKnown)
                return flow.Unclear("gives a dimension that may be 0");
            if (term.IsScaled)
            {
                if (grown is not null) return flow.Unclear("gives two dimensions that grow with the rows");
                grown = i;
            }

            terms[i] = term;
        }

        if (open is { } at)
        {
            var rest = flow.Symbols.Product([.. terms.Where((_, i) => i != at).Select(static term => term.Alone)]);
            var total = flow.Symbols.Product(value.Dims);
            var exact = total.Over(rest);
            var isRows = value.IsRows && grown is null;
            if (isRows && exact is null)
                return flow.Unclear("leaves a dimension open, and it is not known whether each row's elements fill it alone");
            if (isRows) grown = at;
            terms[at] = new(exact ?? flow.Symbols.Of("/", total, rest, isCount: true), isRows);
        }

        Size[] dims = [.. terms.Select(term => term.Alone.IsCount ? term.Alone : flow.Symbols.Count())];
        if (!value.IsRows)
            return grown is null
                ? value.Restructure(dims, 0)
                : flow.Unclear("gives what all rows share a shape that follows from the number of rows");
        return grown is { } axis ? Place(flow, value, dims, axis) : flow.Unclear("gives rows a shape that does not grow with them");
    }

    private static FlowValue Place(NodeFlow flow, FlowValue value, Size[] dims, int axis)
    {
        var before = flow.Symbols.Product([.. value.Dims!.AsSpan(0, value.Axis), value.Outer]);
        var now = flow.Symbols.Product(dims.AsSpan(0, axis));
        var placed = before.Over(now);
        if (placed is null && before is { IsKnown: true, Factor: > 0 } && now is { IsKnown: true, Factor: > 0 })
            return FlowValue.Cut(flow.Breaks("cuts through rows").Cause!, value);
        if (placed is not { } outer || (!outer.Is(1) && dims[axis].Over(outer) is null))
            return flow.Unclear("may cut rows apart, or mix them");
        return value.Restructure(dims, axis).WithOuter(outer);
    }

    private static Size Plain(NodeFlow flow, Term term) => term.Alone is { IsKnown: true, Factor: > 0 } ? term.Alone : flow.Symbols.Count();
}
