using MlServe.Onnx.Graphs;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Rows;

/// <summary>Follows the rows through one graph: the main one, a subgraph, or a function's body.</summary>
internal sealed class BodyFlow
{
    private readonly GraphBody _body;
    private readonly BodyFlow? _outer;
    private readonly GraphFunction? _function;
    private readonly GraphNode? _call;
    private readonly IReadOnlyDictionary<string, long> _opsets;
    private readonly int _depth;
    private readonly Dictionary<string, FlowValue> _values = [];
    private readonly HashSet<string> _absent = [];

    private BodyFlow(
        RowTrace trace, GraphBody body, BodyFlow? outer, GraphFunction? function, GraphNode? call, IReadOnlyDictionary<string, long> opsets,
        int depth)
    {
        Trace = trace;
        _body = body;
        _outer = outer;
        _function = function;
        _call = call;
        _opsets = opsets;
        _depth = depth;
    }

    public RowTrace Trace { get; }

    public static BodyFlow OfMain(RowTrace trace) => new(trace, trace.Graph.Main, null, null, null, trace.Graph.Opsets, 0);

    /// <summary>The outputs of the main graph for inputs by name.</summary>
    public FlowValue[] Run(IReadOnlyDictionary<string, FlowValue> inputs)
    {
        foreach (var (name, value) in inputs)
            _values[name] = value;
        return Run();
    }

    /// <summary>The outputs of a subgraph of a node for its inputs.</summary>
    public FlowValue[] Run(GraphBody body, ReadOnlySpan<FlowValue> inputs)
    {
        var flow = new BodyFlow(Trace, body, this, _function, _call, _opsets, _depth + 1);
        for (var i = 0; i < body.Inputs.Count; i++)
        {
            var value = i < inputs.Length ? inputs[i] : LeftOpen($"nothing gives '{body.Inputs[i].Name}' to a subgraph");
            flow._values[body.Inputs[i].Name] = value;
            if (body.Inputs[i].Type.Dimensions is not null) flow.Compare(value, body.Inputs[i]);
        }

        return flow.Run();
    }

    private FlowValue[] Run()
    {
        var outputs = _body.Outputs.Count;
        if (!Trace.TryEnter(_depth)) return Broken(Trace.Defeat!, outputs);
        if (_body.Faults is [var fault, ..]) Trace.GiveUp(new(null, $"the graph is not valid: {fault}", IsCertain: false));

        var declared = _body.Declared.Concat(DeclaredOutputs()).Where(static value => value.Type.Dimensions is not null)
            .ToLookup(static value => value.Name);
        foreach (var node in _body.Nodes)
        {
            if (!Trace.TryStep()) return Broken(Trace.Defeat!, outputs);
            var results = Follow(node);
            for (var i = 0; i < node.Outputs.Length; i++)
            {
                var name = node.Outputs[i];
                if (name.Length == 0) continue;
                _values[name] = results[i];
                foreach (var declaration in declared[name])
                    Compare(results[i], declaration);
            }
        }

        return Trace.Defeat is { } defeat
            ? Broken(defeat, outputs)
            : [.. _body.Outputs.Select(output =>
                Find(output.Name) ?? LeftOpen($"the output '{output.Name}' is an input that is left out"))];
    }

    /// <summary>The value of a name, here or in the graphs around; null for an input that a call of the function leaves out.</summary>
    private FlowValue? Find(string name)
    {
        if (_values.TryGetValue(name, out var value)) return value;
        if (_absent.Contains(name)) return null;
        if (_body.Initializers.TryGetValue(name, out var tensor)) return _values[name] = FlowConstants.Of(tensor, Trace.Symbols);
        return _outer is not null ? _outer.Find(name) : LeftOpen($"nothing makes the value '{name}'");
    }

    private FlowValue[] Follow(GraphNode node)
    {
        var bound = _function is null || _call is null ? node : node.With(_function.Bind(node, _call));
        FlowValue?[] inputs = [.. bound.Inputs.Select(name => name.Length == 0 ? null : Find(name))];
        if (Trace.Graph.FindFunction(bound) is { } function) return Call(function, bound, inputs);

        var ofModel = Trace.Graph.Opsets.GetValueOrDefault(bound.Domain, 1);
        var flow = new NodeFlow(this, bound, inputs, _opsets.GetValueOrDefault(bound.Domain, ofModel));
        var results = RowRules.Apply(flow);

        // A function's operator set may be another than the model's. By which of them the runtime takes its operators is not ours to say.
        if (flow.Opset != ofModel && bound.Attributes.All(static attribute => attribute.Bodies.Count == 0)
            && !FlowJoin.MeanTheSame(results, RowRules.Apply(new NodeFlow(this, bound, inputs, ofModel))))
            results = [.. results.Select(_ =>
                flow.Unclear("means something else in the operator set of the function than in that of the model"))];
        if (results.Length >= bound.Outputs.Length) return results;
        var rest = flow.Unclear("has more outputs than are understood");
        return [.. results, .. Enumerable.Repeat(rest, bound.Outputs.Length - results.Length)];
    }

    private FlowValue[] Call(GraphFunction function, GraphNode call, FlowValue?[] inputs)
    {
        // Which of the two the runtime takes is not ours to say.
        if (OperatorTable.Instance.Find(call.Domain, call.OpType) is not null)
            Trace.GiveUp(new(call.ToString(), $"the function {call.OpType} has the name of an operator", IsCertain: false));

        var flow = new BodyFlow(Trace, function.Body, null, function, call, function.Opsets, _depth + 1);
        for (var i = 0; i < function.Body.Inputs.Count; i++)
        {
            var name = function.Body.Inputs[i].Name;
            if (i < inputs.Length && inputs[i] is { } value) flow._values[name] = value;
            else flow._absent.Add(name);
        }

        var results = flow.Run();
        if (results.Length >= call.Outputs.Length) return results;
        return Broken(new(call.ToString(), $"{call} has more outputs than its function", IsCertain: false), call.Outputs.Length);
    }

    /// <summary>Outputs whose declared shape may come to count: those of subgraphs, and those of the main graph that nodes take.</summary>
    private IEnumerable<OnnxValueInfo> DeclaredOutputs()
    {
        if (_outer is not null) return _body.Outputs;
        var taken = _body.Nodes.SelectMany(static node => node.Inputs.Concat(node.Captured)).ToHashSet();
        return _body.Outputs.Where(output => taken.Contains(output.Name));
    }

    /// <summary>
    /// Holds what the file declares of a value in between against what the graph says. The runtime puts declared sizes in place of a
    /// <c>Shape</c>. So a size that was left there from an export at one row changes the computation of the model.
    /// </summary>
    private void Compare(FlowValue value, OnnxValueInfo declaration)
    {
        var dims = declaration.Type.Dimensions!;
        if (value.Dims is null || value.Rank != dims.Count)
        {
            Trace.HasUnknownDeclarations |= dims.Any(static dim => dim.Size is not null);
            return;
        }

        for (var axis = 0; axis < dims.Count; axis++)
        {
            if (dims[axis].Size is not { } size) continue;
            if (value.IsRows && axis == value.Axis)
                Trace.GiveUp(new(
                    null, $"the file declares that '{declaration.Name}' has {size} along the axis of the rows", IsCertain: false));
            else if (!value.Dims[axis].IsKnown) Trace.HasUnknownDeclarations = true;
            else if (!value.Dims[axis].Is(size))
            {
                var declared = $"the file declares that '{declaration.Name}' has {size} along axis {axis}";
                Trace.GiveUp(new(null, $"{declared}, where the graph gives it {value.Dims[axis]}", IsCertain: false));
            }
        }
    }

    private static FlowValue LeftOpen(string reason) => FlowValue.Broken(new(null, reason, IsCertain: false));

    private static FlowValue[] Broken(Cause cause, int count)
    {
        var values = new FlowValue[count];
        Array.Fill(values, FlowValue.Broken(cause));
        return values;
    }
}
