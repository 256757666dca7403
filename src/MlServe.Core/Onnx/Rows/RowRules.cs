namespace MlServe.Onnx.Rows;

/// <summary>Applies the rule of an operator, or the rule that holds for all of them.</summary>
internal static class RowRules
{
    private static readonly string[] ShapeTakers = ["ConstantOfShape", "Expand", "Range", "Reshape", "Slice", "Split", "Tile"];

    /// <summary>Operators that put elements elsewhere: a value that has one for each place that was found still has.</summary>
    private static readonly string[] Movers = ["Cast", "Identity", "Squeeze", "Transpose", "Unsqueeze"];

    private static readonly string[] Foreign = ["ATen", "EPContext", "ExternalOp", "PythonOp", "PythonOpGrad", "TritonOp"];

    public static FlowValue[] Apply(NodeFlow flow)
    {
        var results = Follow(flow);

        // A doubt about an input is one about all that is computed of it, sizes too.
        if (flow.Given.Select(static input => input.Doubt).FirstOrDefault(static doubt => doubt is not null) is not { } doubt)
            return results;
        return [.. results.Select(result => result.WithDoubt(doubt))];
    }

    private static FlowValue[] Follow(NodeFlow flow)
    {
        var rule = OperatorTable.Instance.Find(flow.Node.Domain, flow.Node.OpType);
        if (rule is not { TakesBroken: true } && FindBroken(flow) is { } broken) return Every(flow, broken);
        if (rule is null) return Every(flow, ApplyNone(flow));

        for (var i = 0; i < rule.Required; i++)
        {
            if (flow.Find(i) is null) return Every(flow, flow.Unclear($"lacks its input {i}"));
        }

        if (!rule.TakesSequences && flow.Given.Any(static input => input.Kind is FlowKind.Sequence or FlowKind.RowSequence))
            return Every(flow, flow.Unclear("takes a sequence"));
        if (!rule.TakesPositions && flow.Given.Any(static input => input.IsPosition))
            return Every(flow, flow.Breaks("takes the place of a row in the batch as data"));
        if (!rule.TakesTuples && flow.Given.Any(static input => input.Strides is not null))
            return Every(flow, flow.Unclear("takes tuples of indices that tell which row a row is"));
        if (!rule.TakesCounts && flow.Given.Any(static input => input.Kind == FlowKind.Count))
            return Every(flow, FindBroken(flow) ?? OfCounts(flow));
        return rule.Follow(flow);
    }

    /// <summary>
    /// A value that is computed of the number of rows as data: harmless only as long as no row's answer is computed of it.
    /// </summary>
    public static FlowValue OfCounts(NodeFlow flow) =>
        flow.Given.Any(static input => input.Kind is FlowKind.Rows or FlowKind.RowSequence or FlowKind.Sequence)
        ? flow.Breaks("takes the number of rows in the batch as data")
        : FlowValue.Count(null);

    private static FlowValue ApplyNone(NodeFlow flow)
    {
        if (Foreign.Contains(flow.Node.OpType)) return flow.Unclear("runs code that is not the model's");
        if (flow.Given.All(static input => input.Kind == FlowKind.Shared) && OperatorTable.IsKnown(flow.Node.Domain)
            && flow.Node.Attributes.All(static attribute => attribute.Bodies.Count == 0))
            return FlowValue.Shared(null);
        return flow.Unclear(flow.Node.IsStandard ? "is not understood" : $"of domain {flow.Node.Domain} is not understood");
    }

    /// <summary>
    /// The broken value of all that is computed of the inputs, by the rule for most operators; null if none of them is broken.
    /// </summary>
    public static FlowValue? FindBroken(NodeFlow flow)
    {
        Cause? cause = null, asData = null;
        for (var i = 0; i < flow.Inputs.Length; i++)
        {
            if (flow.Inputs[i] is not { IsBroken: true } input) continue;
            cause = cause is null ? input.Cause : Cause.Of(cause, input.Cause!);
            if (!IsShape(flow.Node.OpType, i)) asData ??= input.DataCause;
        }

        // How much was found in all rows is harmless as a shape; rows that are computed with it follow from the others.
        if (cause is null) return null;
        if (asData is null) return FlowValue.Broken(cause, Movers.Contains(flow.Node.OpType) ? flow[0].ShapeCause : null);
        return flow.Given.Any(static input => input.IsRows) ? FlowValue.Broken(asData) : FlowValue.BrokenSize(cause, asData);
    }

    private static bool IsShape(string opType, int index) =>
        ShapeTakers.Contains(opType) && (index > 0 || opType is "ConstantOfShape" or "Range");

    private static FlowValue[] Every(NodeFlow flow, FlowValue value)
    {
        var values = new FlowValue[Math.Max(1, flow.OutputCount)];
        Array.Fill(values, value);
        return values;
    }
}
