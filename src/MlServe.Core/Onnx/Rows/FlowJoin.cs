namespace MlServe.Onnx.Rows;

/// <summary>The facts about a value that is one or the other, as after a choice that is the same for all rows.</summary>
internal static class FlowJoin
{
    /// <returns>Null if the two have nothing in common that could be told.</returns>
    public static FlowValue? Of(Symbols symbols, FlowValue left, FlowValue right)
    {
        if (left.IsBroken || right.IsBroken)
        {
            var cause = left.IsBroken ? right.IsBroken ? Cause.Of(left.Cause!, right.Cause!) : left.Cause! : right.Cause!;
            return FlowValue.Broken(cause);
        }

        if (left.Kind is FlowKind.Shared or FlowKind.Count && right.Kind is FlowKind.Shared or FlowKind.Count)
            return OfShared(symbols, left, right).WithDoubt(left.Doubt ?? right.Doubt);
        if (left.Kind != right.Kind) return null;
        var joined = left.Kind switch
        {
            FlowKind.RowSequence => left,
            FlowKind.Sequence => OfSequences(symbols, left, right),
            FlowKind.Rows => OfRows(symbols, left, right),
            _ => null,
        };
        return joined?.WithDoubt(left.Doubt ?? right.Doubt);
    }

    /// <summary>Whether the same is known of two values, but for sizes that are not.</summary>
    public static bool MeanTheSame(FlowValue[] left, FlowValue[] right) => left.Length == right.Length && left.Zip(right).All(static pair =>
        pair.First.Kind == pair.Second.Kind && pair.First.Rank == pair.Second.Rank && pair.First.Axis == pair.Second.Axis
        && pair.First.Outer == pair.Second.Outer
        && pair.First.Stride == pair.Second.Stride && pair.First.Cause?.IsCertain == pair.Second.Cause?.IsCertain
        && (pair.First.Doubt is null) == (pair.Second.Doubt is null) && pair.First.Terms is null == pair.Second.Terms is null
        && (pair.First.Terms ?? []).AsSpan().SequenceEqual(pair.Second.Terms ?? [])
        && (pair.First.Dims ?? [])
            .Zip(pair.Second.Dims ?? [])
            .All(static dims => !dims.First.IsKnown || !dims.Second.IsKnown || dims.First == dims.Second));

    private static FlowValue OfShared(Symbols symbols, FlowValue left, FlowValue right)
    {
        var dims = Dims(symbols, left.Dims, right.Dims);
        var isNonNegative = left.IsNonNegative && right.IsNonNegative;
        if (left.Terms is { } terms && right.Terms is { } others && dims is not null && left.IsReal == right.IsReal
            && terms.SequenceEqual(others))
            return left;
        var joined = left.Kind == FlowKind.Count || right.Kind == FlowKind.Count ? FlowValue.Count(dims) : FlowValue.Shared(dims);
        return isNonNegative ? joined.NonNegative() : joined;
    }

    private static FlowValue? OfSequences(Symbols symbols, FlowValue left, FlowValue right)
    {
        if (left.Element is null || right.Element is null) return left.Element is null ? right : left;
        return Of(symbols, left.Element, right.Element) is { } element ? FlowValue.Sequence(element) : null;
    }

    private static FlowValue? OfRows(Symbols symbols, FlowValue left, FlowValue right)
    {
        if (left.Rank != right.Rank || left.Axis != right.Axis || left.Outer != right.Outer || left.Stride != right.Stride
            || left.Strides is not null || right.Strides is not null)
            return null;
        var joined = FlowValue.Rows(Dims(symbols, left.Dims, right.Dims)!, left.Axis, left.Outer);
        return joined.WithStride(left.Stride, left.IsNonNegative && right.IsNonNegative, left.Below == right.Below ? left.Below : null);
    }

    private static Size[]? Dims(Symbols symbols, Size[]? left, Size[]? right)
    {
        if (left is null || right is null || left.Length != right.Length) return null;
        return [.. left.Zip(right, (one, other) => one == other ? one : symbols.Count())];
    }
}
