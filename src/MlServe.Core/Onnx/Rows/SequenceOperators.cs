namespace MlServe.Onnx.Rows;

/// <summary>Sequences of tensors, and optional values.</summary>
internal static class SequenceOperators
{
    private static readonly RowOperator Template = new(static flow => [flow[0]], TakesSequences: true);

    public static void AddTo(OperatorTable table) => table
        .Add("SequenceConstruct", Template with
        {
            Follow = static flow =>
            [flow.Given.Aggregate(Empty(), (sequence, item) => Insert(flow, sequence, item))]
        })
        .Add("SequenceEmpty", Template with { Follow = static _ => [Empty()], Required = 0 })
        .Add("SequenceInsert", Template with
        {
            Follow = static flow =>
            [flow.Find(2) is { IsRows: true } ? FromData(flow) : Insert(flow, flow[0], flow[1])],
            Required = 2
        })
        .Add("SequenceErase", Template with
        {
            Follow = static flow =>
            [flow.Find(1) is { IsRows: true } ? FromData(flow)
                : flow[0].Kind == FlowKind.RowSequence ? flow.Unclear("takes rows out of a sequence of them")
                : flow[0]]
        })
        .Add("SequenceAt", Template with { Follow = static flow => [At(flow)], Required = 2 })
        .Add("SequenceLength", Template with
        {
            Follow = static flow =>
            [flow[0].Kind == FlowKind.RowSequence ? FlowValue.Count([]) : FlowValue.Shared([])]
        })
        .Add("SplitToSequence", Template with { Follow = static flow => [Split(flow)] })
        .Add("ConcatFromSequence", Template with { Follow = static flow => [Concat(flow)] })
        .Add("SequenceMap", Template with { Follow = Map })
        .Add("Optional", Template with { Follow = static flow => [flow.Find(0) ?? FlowValue.Shared(null)], Required = 0 })
        .Add("OptionalGetElement", Template)
        .Add("OptionalHasElement", Template with { Follow = static _ => [FlowValue.Shared([])], Required = 0 });

    private static FlowValue[] Map(NodeFlow flow)
    {
        if (flow.Node.Body("body") is not { } body || flow.Given.Count() != flow.Inputs.Length)
            return [flow.Unclear("lacks its body, or an input")];
        if (flow[0].Kind != FlowKind.Sequence)
            return [flow[0].Kind == FlowKind.Shared ? FlowValue.Sequence(FlowValue.Shared(null)) : flow.Unclear("goes from row to row")];
        FlowValue[] given = [.. flow.Given.Select(input => input.Kind == FlowKind.Sequence ? ElementOf(flow, input) : input)];
        return [.. flow.Body.Run(body, given).Select(result => result.Kind switch
        {
            FlowKind.Broken => result,
            FlowKind.Rows or FlowKind.Shared => FlowValue.Sequence(result.WithoutTerms()),
            _ => flow.Unclear("makes a sequence that is not followed"),
        })];
    }

    private static FlowValue Empty() => FlowValue.Sequence(null);

    private static FlowValue FromData(NodeFlow flow) => flow.Breaks("takes a place from the rows' data");

    private static FlowValue Insert(NodeFlow flow, FlowValue sequence, FlowValue item)
    {
        if (sequence is { Kind: FlowKind.Shared, Dims: null }) sequence = FlowValue.Sequence(sequence);
        if (sequence.Kind != FlowKind.Sequence || item.Kind is FlowKind.Sequence or FlowKind.RowSequence)
            return flow.Unclear("makes a sequence that is not followed");
        return FlowJoin.Of(flow.Symbols, sequence, FlowValue.Sequence(item.WithoutTerms()))
            ?? flow.Unclear("makes a sequence of rows and of what all rows share");
    }

    private static FlowValue At(NodeFlow flow)
    {
        if (flow[1].IsRows) return FromData(flow);
        if (flow[0].Kind == FlowKind.RowSequence) return flow.Breaks("takes rows by their place in the batch");
        if (flow[0].Kind == FlowKind.Shared) return FlowValue.Shared(null);

        return ElementOf(flow, flow[0]);
    }

    /// <summary>One of the elements, which may differ in all but their rows.</summary>
    private static FlowValue ElementOf(NodeFlow flow, FlowValue sequence) =>
        sequence.Element is { } element ? Fresh(flow, element) : flow.Unclear("takes an element of an empty sequence");

    private static FlowValue Fresh(NodeFlow flow, FlowValue element)
    {
        if (element.Kind != FlowKind.Rows) return element;
        return element.Outer.IsKnown
            ? element.Restructure([.. element.Dims!.Select(dim => dim.IsKnown ? dim : flow.Symbols.Count())], element.Axis)
            : flow.Unclear("takes rows in an order that is not known");
    }

    private static FlowValue Split(NodeFlow flow)
    {
        var value = flow[0];
        if (flow.Find(1) is { IsRows: true }) return flow.Breaks("takes its sizes from the rows' data");
        if (value.Dims is not { } dims || value.Kind is FlowKind.Sequence or FlowKind.RowSequence)
            return value.Kind == FlowKind.Shared
                ? FlowValue.Sequence(FlowValue.Shared(null))
                : flow.Unclear("makes a sequence that is not followed");
        if (NodeFlow.AxisOf(flow.Node.Int("axis", 0), dims.Length) is not { } axis) return flow.LacksAxis();
        if (value.IsRows && value.Axis == axis) return flow.Breaks("takes rows by their place in the batch");
        var keeps = flow.Find(1) is not null || flow.Node.Int("keepdims", 1) != 0;
        Size[] parts = keeps ? [.. dims[..axis], flow.Symbols.Count(), .. dims[(axis + 1)..]] : [.. dims[..axis], .. dims[(axis + 1)..]];
        return FlowValue.Sequence(value.Derive(parts, !keeps && axis < value.Axis ? value.Axis - 1 : value.Axis));
    }

    private static FlowValue Concat(NodeFlow flow)
    {
        if (flow[0].Kind == FlowKind.Shared) return FlowValue.Shared(null);
        if (flow[0].Element is not { } element) return flow.Unclear("joins a sequence that is not followed");
        if (element.Dims is not { } dims) return element.IsBroken ? element : FlowValue.Shared(null);
        var isNew = flow.Node.Int("new_axis", 0) != 0;
        if (NodeFlow.AxisOf(flow.Node.Int("axis", 0), dims.Length + (isNew ? 1 : 0)) is not { } axis)
            return flow.LacksAxis();
        Size[] joined = isNew
            ? [.. dims[..axis], flow.Symbols.Count(), .. dims[axis..]]
            : [.. dims[..axis], flow.Symbols.Count(), .. dims[(axis + 1)..]];
        if (!element.IsRows) return element.Derive(joined, 0);
        if (!element.Outer.IsKnown) return flow.Unclear("joins rows in an order that is not known");
        return !isNew && element.Axis == axis
            ? flow.Unclear("joins pieces along the axis of the rows")
            : element.Derive(joined, isNew && axis <= element.Axis ? element.Axis + 1 : element.Axis);
    }
}
