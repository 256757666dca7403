namespace MlServe.Onnx.Rows;

/// <summary>
/// How operators that go element by element join their operands. Dimensions are aligned from behind and one of 1 is stretched. So the rows
/// of all operands must lie the same number of axes from the last. A value that all rows share must be 1 wide there, or must not reach so
/// far.
/// </summary>
internal static class Broadcasting
{
    public static FlowValue Join(NodeFlow flow, params ReadOnlySpan<FlowValue> operands)
    {
        FlowValue? rows = null;
        var hasCounts = false;
        foreach (var operand in operands)
        {
            hasCounts |= operand.Kind == FlowKind.Count;
            if (!operand.IsRows) continue;
            if (rows is not null && Differ(flow, rows, operand) is { } broken) return broken;
            rows ??= operand;
        }

        if (rows is null) return hasCounts ? FlowValue.Count(Dims(flow, operands)) : FlowValue.Shared(Dims(flow, operands));
        if (hasCounts) return flow.Breaks("takes the number of rows in the batch as data");
        Cause? doubt = null;
        foreach (var operand in operands)
        {
            if (operand.IsRows || Stands(flow, operand, rows.AxisFromEnd) is not { } broken) continue;
            if (broken.Cause!.IsCertain || operand.Dims is null) return broken;
            doubt ??= broken.Cause;
        }

        var dims = Dims(flow, operands)!;
        return FlowValue.Rows(dims, dims.Length - rows.AxisFromEnd, rows.Outer).WithDoubt(doubt);
    }

    /// <summary>Why a value that all rows share may not meet the axis of the rows; null if it does not get in its way.</summary>
    /// <param name="flow">The node.</param>
    /// <param name="shared">The values that all rows share.</param>
    /// <param name="axisFromEnd">The axis of the rows in the result, the last being 1.</param>
    public static FlowValue? Stands(NodeFlow flow, FlowValue shared, int axisFromEnd)
    {
        if (shared.Dims is not { } dims) return flow.Unclear("joins the rows with a value of unknown shape");
        if (dims.Length < axisFromEnd) return null;
        var size = dims[^axisFromEnd];
        if (size.Is(1)) return null;
        return size.IsKnown
            ? flow.Breaks($"joins the rows with a value that has {size} of its own along their axis")
            : flow.Unclear("joins the rows with a value that may have more than one along their axis");
    }

    /// <summary>Why two operands' rows do not lie side by side; null if they do.</summary>
    public static FlowValue? Differ(NodeFlow flow, FlowValue left, FlowValue right)
    {
        if (left.AxisFromEnd != right.AxisFromEnd)
            return flow.Breaks("pairs each row with every other: its operands have their rows along different axes");
        if (left.Outer == right.Outer) return null;
        return left.Outer.IsKnown && right.Outer.IsKnown
            ? flow.Breaks("joins rows that lie in different orders")
            : flow.MeetsOtherOrder();
    }

    public static Size Combine(Symbols symbols, Size left, Size right)
    {
        if (left.Is(1) || left == right) return right;
        if (right.Is(1) || left.IsKnown) return left;
        return right.IsKnown ? right : symbols.Of("broadcast", left, right, isCount: true);
    }

    /// <summary>The dimensions of the result; null if an operand's are not known.</summary>
    public static Size[]? Dims(NodeFlow flow, params ReadOnlySpan<FlowValue> operands)
    {
        Size[] result = [];
        foreach (var operand in operands)
        {
            if (operand.Dims is not { } dims) return null;
            result = Combine(flow.Symbols, result, dims);
        }

        return result;
    }

    public static Size[] Combine(Symbols symbols, ReadOnlySpan<Size> left, ReadOnlySpan<Size> right)
    {
        var combined = new Size[Math.Max(left.Length, right.Length)];
        for (var i = 1; i <= combined.Length; i++)
            combined[^i] = i > left.Length ? right[^i] : i > right.Length ? left[^i] : Combine(symbols, left[^i], right[^i]);
        return combined;
    }
}
