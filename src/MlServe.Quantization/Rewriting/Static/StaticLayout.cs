using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting.Static;

/// <summary>
/// The part of a graph that works on integers: the operators with weights, and the operators between them that can pass integers on. A
/// snapshot of the graph.
/// </summary>
internal sealed class StaticLayout
{
    private readonly GraphIndex _index;
    private readonly Dictionary<NodeProto, ComputeNode> _compute = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<NodeProto, string> _reasons = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<NodeProto, NodeProto> _activations = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<NodeProto, NodeProto> _activated = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<NodeProto> _between = new(ReferenceEqualityComparer.Instance);

    public StaticLayout(GraphIndex index, QuantizationPlan plan)
    {
        _index = index;
        var finder = new ComputeNodes(index, plan);
        foreach (var node in index.Graph.Node)
        {
            if (ComputeNodes.IsOfKind(node))
            {
                if (finder.Find(node, out var reason) is { } compute) _compute.Add(node, compute);
                else _reasons.Add(node, reason);
            }
            else if (finder.IsExcluded(node))
            {
                _reasons.Add(node, "excluded by the plan");
            }
            else if (IntegerOperators.PassOn(node))
            {
                _between.Add(node);
            }
        }

        foreach (var node in index.Graph.Node)
            FindActivation(node, finder);
        Narrow();
    }

    public IReadOnlyCollection<ComputeNode> Compute => _compute.Values;

    public ComputeNode? ComputeOf(NodeProto node) => _compute.GetValueOrDefault(node);

    public bool IsQuantized(NodeProto node) => _compute.ContainsKey(node) || _between.Contains(node);

    /// <summary>Why an operator stays as it is.</summary>
    public string ReasonOf(NodeProto node) => _reasons.GetValueOrDefault(node) ?? IntegerOperators.WhyNot(node);

    /// <summary>Whether the node is a Relu or Clip that the range of its input's producer does the work of.</summary>
    public bool IsFolded(NodeProto node) =>
        _activated.TryGetValue(node, out var producer) && Rounded(producer) is { } rounded && rounded != producer.Output[0];

    /// <summary>
    /// The value that stands behind an operator (and the Relu folded into it) as integers for all of its readers; null: its output stays
    /// float.
    /// </summary>
    public string? Rounded(NodeProto node)
    {
        if (_between.Contains(node)) return OutputOf(node);
        if (!_compute.TryGetValue(node, out var compute)) return null;
        var output = OutputOf(node);
        return RoundsOutput(compute) || IsReadAsIntegers(output) ? output : null;
    }

    /// <summary>Whether a value comes as integers from the operator that makes it.</summary>
    public bool IsRounded(string value)
    {
        if (_index.ProducerOf(value) is not { } producer) return false;
        if (_activated.TryGetValue(producer, out var folded) && Rounded(folded) == value) return true;
        return Rounded(producer) == value;
    }

    /// <summary>
    /// The operator with weights that a rounded value comes from, with a Relu folded into it or not; null: another operator, or none.
    /// </summary>
    public ComputeNode? MakerOf(string value)
    {
        if (!IsRounded(value) || _index.ProducerOf(value) is not { } producer) return null;
        return ComputeOf(_activated.TryGetValue(producer, out var folded) && Rounded(folded) == value ? folded : producer);
    }

    /// <summary>Whether the input of an operator is read as integers.</summary>
    public bool ReadsIntegers(NodeProto node, int input) =>
        _compute.ContainsKey(node) ? input == 0 : _between.Contains(node) && IntegerOperators.IsData(node, input);

    /// <summary>
    /// The value whose range a rounded or read value has: its own, or that of the value that an operator only rearranges.
    /// </summary>
    public string RangeOf(string value)
    {
        while (_index.ProducerOf(value) is { } producer && _between.Contains(producer) && IntegerOperators.KeepsRange(producer))
            value = producer.Input[0];
        return value;
    }

    /// <summary>All values that are integers somewhere, each once, in the graph's order.</summary>
    public IReadOnlyList<string> Values()
    {
        var values = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var node in _index.Graph.Node)
        {
            for (var i = 0; i < node.Input.Count; i++)
            {
                if (ReadsIntegers(node, i) && seen.Add(node.Input[i])) values.Add(node.Input[i]);
            }

            if (Rounded(node) is { } rounded && seen.Add(rounded)) values.Add(rounded);
        }

        return values;
    }

    /// <summary>
    /// Whether the node is a Relu behind integers whose output stays float. ONNX Runtime (1.31.1) takes a Relu that one operator reads for
    /// one that rounding makes needless. Then it finds no rounding, and leaves the product before it float.
    /// </summary>
    public bool IsLoneRelu(NodeProto node) =>
        Nodes.Is(node, "Relu") && _activated.TryGetValue(node, out var producer) && ComputeOf(producer) is not null
        && Rounded(producer) is null;

    // A Clip has the effect that is described at IsLoneRelu; rounding to its limits costs little.
    private bool RoundsOutput(ComputeNode compute) =>
        compute.RoundsOutput || (_activations.TryGetValue(compute.Node, out var activation) && !Nodes.Is(activation, "Relu"));

    private string OutputOf(NodeProto node)
    {
        if (!_activations.TryGetValue(node, out var activation)) return node.Output[0];
        var isFolded = !_compute.TryGetValue(node, out var compute) || RoundsOutput(compute) || IsReadAsIntegers(activation.Output[0]);
        return isFolded ? activation.Output[0] : node.Output[0];
    }

    private void FindActivation(NodeProto node, ComputeNodes finder)
    {
        if (!IsQuantized(node) || IntegerOperators.KeepsRange(node)) return;
        if (_index.SoleReaderOf(node.Output[0]) is not { } reader || finder.IsExcluded(reader) || !IntegerOperators.IsClamp(reader, _index))
            return;
        if (reader.Input[0] != node.Output[0]) return;
        _activations.Add(node, reader);
        _activated.Add(reader, node);
    }

    /// <summary>Takes away the operators that lie between others that are not quantized, until nothing changes.</summary>
    private void Narrow()
    {
        var nodes = _index.Graph.Node;
        int before;
        do
        {
            before = _between.Count;
            foreach (var node in nodes)
            {
                if (_between.Contains(node) && !ComesAsIntegers(node)) _between.Remove(node);
            }

            for (var i = nodes.Count - 1; i >= 0; i--)
            {
                if (_between.Contains(nodes[i]) && !IsReadAsIntegers(OutputOf(nodes[i]))) _between.Remove(nodes[i]);
            }
        }
        while (_between.Count != before);
    }

    private bool ComesAsIntegers(NodeProto node)
    {
        for (var i = 0; i < node.Input.Count; i++)
        {
            if (IntegerOperators.IsData(node, i) && !IsRounded(node.Input[i])) return false;
        }

        return true;
    }

    // Of an operator with float and integer readers ONNX Runtime makes none that works on integers: then all read what is rounded.
    private bool IsReadAsIntegers(string value) =>
        _index.UsesOf(value).Any(use => !use.IsFromSubgraph && ReadsIntegers(use.Node, use.Input));
}
