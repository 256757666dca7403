namespace MlServe.Onnx.Rows;

/// <summary>Choices and loops: harmless if all rows take the same way, which the values that they share decide.</summary>
internal static class ControlFlowOperators
{
    /// <summary>
    /// How often a loop's body is followed until nothing changes. The facts about a value can only become fewer, and in few steps.
    /// </summary>
    private const int MaxRounds = 12;

    private static readonly RowOperator Template = new(
        Choose, TakesCounts: true, TakesBroken: true, TakesPositions: true, TakesTuples: true, TakesSequences: true);

    public static void AddTo(OperatorTable table) => table
        .Add("If", Template)
        .Add("Loop", Template with { Follow = Loop, Required = 0 })
        .Add("Scan", Template with { Follow = Scan });

    private static FlowValue[] Choose(NodeFlow flow)
    {
        if (flow.Node.Body("then_branch") is not { } yes || flow.Node.Body("else_branch") is not { } no)
            return Every(flow, flow.Unclear("lacks a branch"));
        if (Decides(flow, flow[0]) is { } broken) return Every(flow, broken);
        if (flow.Constants(0) is [var condition]) return flow.Body.Run(condition != 0 ? yes : no, []);
        var (left, right) = (flow.Body.Run(yes, []), flow.Body.Run(no, []));
        if (left.Length != right.Length) return Every(flow, flow.Unclear("has branches with different outputs"));
        return [.. left.Zip(right, (one, other) =>
            FlowJoin.Of(flow.Symbols, one, other) ?? flow.Unclear("gives rows in one branch, and something else in the other"))];
    }

    /// <summary>Why a value may not decide which way all rows take; null if it is the same in every company.</summary>
    private static FlowValue? Decides(NodeFlow flow, FlowValue? value) => value switch
    {
        null or { Kind: FlowKind.Shared } => null,
        { IsBroken: true } => value,
        { Kind: FlowKind.Count } => flow.Breaks("decides by the number of rows in the batch"),
        _ => flow.Breaks("decides for all rows by the rows' data"),
    };

    private static FlowValue[] Loop(NodeFlow flow)
    {
        if (flow.Node.Body("body") is not { } body) return Every(flow, flow.Unclear("lacks its body"));
        if ((Decides(flow, flow.Find(0)) ?? Decides(flow, flow.Find(1))) is { } broken) return Every(flow, broken);
        if (flow.Inputs.Skip(2).Any(static input => input is null)) return Every(flow, flow.Unclear("leaves out a first value"));

        var last = flow.Symbols.Last;
        LoopState[] states = [.. flow.Inputs.Skip(2).Select(first => new LoopState(flow.Symbols, first!))];
        var results = Settle(flow, states, () =>
        {
            var turn = FlowValue.OfTerms([], [new Term(flow.Symbols.Count(), IsScaled: false)], isReal: false);
            var outputs = flow.Body.Run(body, [turn, FlowValue.Shared([]), .. states.Select(static state => state.Value)]);
            if (outputs.Length <= states.Length) return null;

            // How often the body runs is part of all that it gives.
            var doubt = outputs[0].Doubt;
            return ([.. outputs[1..].Select(output => output.WithDoubt(doubt))], Decides(flow, outputs[0]));
        });
        if (results is null) return Every(flow, flow.Unclear("changes what it hands on in a way that is not followed"));
        return Leave(flow, states, results, last, static (_, _) => 0);
    }

    private static FlowValue[] Scan(NodeFlow flow)
    {
        if (flow.Opset < 9) return Every(flow, flow.Unclear("has the form of operator set 8"));
        if (flow.Node.Body("body") is not { } body || flow.Node.Int("num_scan_inputs", 0) is not (> 0 and var count)
            || count > flow.Inputs.Length || flow.Inputs.Contains(null))
            return Every(flow, flow.Unclear("lacks its body, or an input"));
        var first = flow.Inputs.Length - (int)count;
        var axes = flow.Node.Ints("scan_input_axes");
        var elements = new FlowValue[count];
        for (var i = 0; i < count; i++)
        {
            elements[i] = Element(flow, flow[first + i], i < axes?.Length ? axes[i] : 0);
            if (flow[first + i].IsRows && elements[i].IsBroken) return Every(flow, elements[i]);
        }

        var last = flow.Symbols.Last;
        LoopState[] states = [.. flow.Inputs.Take(first).Select(state => new LoopState(flow.Symbols, state!))];
        var results = Settle(flow, states, () =>
        {
            var outputs = flow.Body.Run(body, [.. states.Select(static state => state.Value), .. elements]);
            return outputs.Length < states.Length ? null : (outputs, null);
        });
        var outputAxes = flow.Node.Ints("scan_output_axes");
        return results is null
            ? Every(flow, flow.Unclear("changes what it hands on in a way that is not followed"))
            : Leave(
                flow, states, results, last, (index, rank) => index < outputAxes?.Length ? NodeFlow.AxisOf(outputAxes[index], rank) : 0);
    }

    private static FlowValue Element(NodeFlow flow, FlowValue value, long axis)
    {
        if (value.Dims is not { } dims) return value;
        if (NodeFlow.AxisOf(axis, dims.Length) is not { } at) return flow.LacksAxis();
        if (value.IsRows && value.Axis == at) return flow.Breaks("goes from row to row");
        if (value.IsPosition) return flow.Unclear("takes the place of a row in the batch");
        return value.Derive([.. dims[..at], .. dims[(at + 1)..]], at < value.Axis ? value.Axis - 1 : value.Axis);
    }

    /// <summary>Follows a body until what it hands on no longer changes; then its outputs hold for every run.</summary>
    private static FlowValue[]? Settle(NodeFlow flow, LoopState[] states, Func<(FlowValue[] Outputs, FlowValue? Stop)?> run)
    {
        for (var round = 0; round < MaxRounds; round++)
        {
            if (run() is not var (outputs, stop) || !flow.Body.Trace.TryStep()) return null;
            if (stop is not null)
            {
                Array.Fill(outputs, stop);
                foreach (var state in states)
                    state.Absorb(stop);
                return outputs;
            }

            var changed = false;
            for (var i = 0; i < states.Length; i++)
                changed |= states[i].Absorb(outputs[i]);
            if (!changed) return outputs;
        }

        return null;
    }

    private static FlowValue[] Leave(NodeFlow flow, LoopState[] states, FlowValue[] outputs, int last, Func<int, int, int?> axisOf)
    {
        var left = new FlowValue[outputs.Length];
        for (var i = 0; i < outputs.Length; i++)
        {
            if (i < states.Length)
            {
                left[i] = LoopState.Leave(flow.Symbols, states[i].Value, last);
                continue;
            }

            var value = LoopState.Leave(flow.Symbols, outputs[i], last);
            left[i] = value.Dims is not { } dims
                ? (value.IsBroken || value.Kind is FlowKind.Shared or FlowKind.Count ? value : flow.Unclear("gathers sequences"))
                : value.IsPosition ? flow.Unclear("gathers the places of rows")
                : axisOf(i - states.Length, dims.Length + 1) is not { } at ? flow.LacksAxis()
                : value.Derive([.. dims[..at], flow.Symbols.Count(), .. dims[at..]], at <= value.Axis ? value.Axis + 1 : value.Axis);
        }

        return left;
    }

    private static FlowValue[] Every(NodeFlow flow, FlowValue value)
    {
        var values = new FlowValue[Math.Max(1, flow.OutputCount)];
        Array.Fill(values, value);
        return values;
    }
}
