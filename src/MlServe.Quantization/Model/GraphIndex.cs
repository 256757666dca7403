using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Model;

/// <summary>
/// The producers and readers of each value of one graph. A snapshot: it does not follow later changes. Reads from within subgraphs count as
/// reads by the node that holds them.
/// </summary>
internal sealed class GraphIndex
{
    private static readonly IReadOnlyList<Use> NoUses = [];

    private readonly Dictionary<string, NodeProto> _producers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<Use>> _uses = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TensorProto> _initializers = new(StringComparer.Ordinal);
    private readonly HashSet<string> _inputs = new(StringComparer.Ordinal);
    private readonly HashSet<string> _outputs = new(StringComparer.Ordinal);

    public GraphIndex(GraphProto graph)
    {
        Graph = graph;
        foreach (var tensor in graph.Initializer)
            _initializers.TryAdd(tensor.Name, tensor);
        foreach (var input in graph.Input)
            _inputs.Add(input.Name);
        foreach (var output in graph.Output)
            _outputs.Add(output.Name);
        foreach (var node in graph.Node)
        {
            foreach (var output in node.Output)
            {
                if (output.Length > 0) _producers.TryAdd(output, node);
            }

            for (var i = 0; i < node.Input.Count; i++)
            {
                if (node.Input[i].Length > 0) AddUse(node.Input[i], new(node, i));
            }

            foreach (var captured in CapturedBy(node))
                AddUse(captured, new(node, Use.FromSubgraph));
        }
    }

    public GraphProto Graph { get; }

    public NodeProto? ProducerOf(string value) => _producers.GetValueOrDefault(value);

    public IReadOnlyList<Use> UsesOf(string value) => _uses.TryGetValue(value, out var uses) ? uses : NoUses;

    /// <summary>A constant of the graph; null if a caller may give another value in its place, because it is an input as well.</summary>
    public TensorProto? ConstantOf(string value) =>
        _initializers.TryGetValue(value, out var tensor) && !_inputs.Contains(value) ? tensor : null;

    public bool IsInitializer(string value) => _initializers.ContainsKey(value);

    public bool IsInput(string value) => _inputs.Contains(value);

    public bool IsOutput(string value) => _outputs.Contains(value);

    /// <summary>The only node that reads a value that is no output of the graph; null if there are none or several.</summary>
    public NodeProto? SoleReaderOf(string value)
    {
        if (IsOutput(value)) return null;
        var uses = UsesOf(value);
        return uses.Count == 1 && !uses[0].IsFromSubgraph ? uses[0].Node : null;
    }

    private void AddUse(string value, Use use)
    {
        if (!_uses.TryGetValue(value, out var uses)) _uses.Add(value, uses = []);
        uses.Add(use);
    }

    /// <summary>The names that a node's subgraphs take from around them.</summary>
    public static HashSet<string> CapturedBy(NodeProto node)
    {
        var captured = new HashSet<string>(StringComparer.Ordinal);
        foreach (var graph in Nodes.Subgraphs(node))
        {
            var own = new HashSet<string>(StringComparer.Ordinal);
            own.UnionWith(graph.Input.Select(static input => input.Name));
            own.UnionWith(graph.Initializer.Select(static tensor => tensor.Name));
            foreach (var inner in graph.Node)
                own.UnionWith(inner.Output);
            foreach (var inner in graph.Node)
            {
                captured.UnionWith(inner.Input.Where(name => name.Length > 0 && !own.Contains(name)));
                captured.UnionWith(CapturedBy(inner).Where(name => !own.Contains(name)));
            }

            captured.UnionWith(graph.Output.Select(static output => output.Name).Where(name => !own.Contains(name)));
        }

        return captured;
    }

    /// <summary>One reading of a value.</summary>
    /// <param name="Node">The node that reads it.</param>
    /// <param name="Input">Which of its inputs, from 0; <see cref="FromSubgraph"/> if one of its subgraphs reads it.</param>
    internal readonly record struct Use(NodeProto Node, int Input)
    {
        public const int FromSubgraph = -1;

        public bool IsFromSubgraph => Input == FromSubgraph;
    }
}
