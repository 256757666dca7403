namespace MlServe.Onnx.Rows;

/// <summary>A value that a loop hands from one run of its body to the next, and the facts that hold of it each time.</summary>
internal sealed class LoopState
{
    private readonly Symbols _symbols;

    // Dimensions that change from run to run.
    private readonly HashSet<int> _free = [];

    public LoopState(Symbols symbols, FlowValue first)
    {
        _symbols = symbols;
        Value = first.Kind switch
        {
            FlowKind.Shared or FlowKind.Count => first.WithoutTerms(),
            FlowKind.Rows when first.Strides is not null =>
                FlowValue.Broken(new(null, "a loop changes tuples of indices that tell which row a row is", IsCertain: false)),
            _ => first,
        };
    }

    public FlowValue Value { get; private set; }

    /// <summary>Takes in what a run of the body gives.</summary>
    /// <returns>Whether less is known now than before.</returns>
    public bool Absorb(FlowValue next)
    {
        if (Value.IsBroken && (!next.IsBroken || Cause.Of(Value.Cause!, next.Cause!) == Value.Cause)) return false;
        var joined = FlowJoin.Of(_symbols, Value, next is { Kind: FlowKind.Shared or FlowKind.Count } ? next.WithoutTerms() : next)
            ?? FlowValue.Broken(new(null, "a loop hands on a value that is sometimes of rows, and sometimes not", IsCertain: false));
        var changed = joined.Kind != Value.Kind || joined.Rank != Value.Rank || joined.IsNonNegative != Value.IsNonNegative
            || joined.Below != Value.Below || (joined.Doubt is null) != (Value.Doubt is null) || joined.IsBroken;
        if (joined.Kind == FlowKind.Sequence)
            changed |= joined.Element?.Kind != Value.Element?.Kind || joined.Element?.Rank != Value.Element?.Rank;
        for (var axis = 0; axis < joined.Rank && axis < Value.Rank; axis++)
        {
            if (joined.Dims![axis] != Value.Dims![axis]) changed |= _free.Add(axis);
        }

        Value = joined;
        return changed;
    }

    /// <summary>The facts that hold of it behind the loop: sizes that are not those from before are new.</summary>
    /// <param name="symbols">Makes new ones.</param>
    /// <param name="value">A value from inside of the loop.</param>
    /// <param name="last">The last symbol that was made before the loop.</param>
    public static FlowValue Leave(Symbols symbols, FlowValue value, int last)
    {
        if (value.Kind == FlowKind.Sequence)
            return value.Element is { } element ? FlowValue.Sequence(Leave(symbols, element, last)).WithDoubt(value.Doubt) : value;
        if (value.Dims is not { } dims) return value;
        if (value.IsRows && (!value.Outer.IsOlderThan(last) || value.Strides is not null || value.Stride?.IsOlderThan(last) == false))
            return FlowValue.Broken(new(null, "a loop gives rows in an order that is not known", IsCertain: false));
        Size[] left = [.. dims.Select(dim => dim.IsOlderThan(last) ? dim : symbols.Count())];
        return value.WithoutTerms().Restructure(left, value.Axis);
    }
}
