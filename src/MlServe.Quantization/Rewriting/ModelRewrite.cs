using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing.Shapes;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting.Weights;

namespace MlServe.Quantization.Rewriting;

/// <summary>
/// A copy of a model while its nodes are replaced, subgraphs included. It keeps the decisions, and the weights that are no longer read.
/// </summary>
internal sealed class ModelRewrite
{
    private readonly QuantizationPlan _plan;
    private readonly HashSet<string> _excluded;
    private readonly List<NodeDecision> _decisions = [];
    private readonly HashSet<Weight> _replaced = [];
    private readonly Dictionary<GraphScope, List<NodeProto>> _first = [];

    public ModelRewrite(ModelProto preprocessed, QuantizationPlan plan, long minOpset)
    {
        QuantizedOperators.RequireNone(preprocessed);
        var opset = Graphs.OpsetOf(preprocessed);
        if (opset < minOpset)
        {
            throw new QuantizationException(QuantizationFailure.UnsupportedOpset,
                $"The model has operator set {opset}, and {plan.Method} needs {minOpset}. Raise it (PreprocessingOptions.Opset), or "
                    + "export the model anew.");
        }

        _plan = plan;
        _excluded = new(plan.ExcludedNodes, StringComparer.Ordinal);
        Model = preprocessed.Clone();
        Names = new(Model);
        Shapes = new(preprocessed, Model.Graph);
    }

    public ModelProto Model { get; }

    public NameAllocator Names { get; }

    /// <summary>The shapes of the values of the model before it is rewritten.</summary>
    public KnownShapes Shapes { get; }

    public bool IsExcluded(NodeProto node) => _excluded.Contains(Nodes.NameOf(node));

    public void Quantized(NodeProto node, string note = "") => _decisions.Add(new(Nodes.NameOf(node), node.OpType, true, note));

    public void Left(NodeProto node, string reason) => _decisions.Add(new(Nodes.NameOf(node), node.OpType, false, reason));

    /// <summary>Says that a weight has a replacement; it is removed in the end unless something still reads it.</summary>
    public void Replaced(Weight weight) => _replaced.Add(weight);

    /// <summary>Puts a node before all others of a graph, behind those that were put there already.</summary>
    public void AddFirst(GraphScope scope, NodeProto node)
    {
        if (!_first.TryGetValue(scope, out var nodes)) _first.Add(scope, nodes = []);
        nodes.Add(node);
    }

    /// <summary>Goes through the nodes of all graphs, those of subgraphs before the node that holds them.</summary>
    /// <param name="replace">Is given a node, its graph, and the list to which it adds the node or its replacement.</param>
    public void Walk(Action<NodeProto, GraphScope, List<NodeProto>> replace) => Walk(Model.Graph, null, replace);

    /// <exception cref="QuantizationException">Nothing was quantized.</exception>
    public RewriteResult Finish()
    {
        if (!_decisions.Exists(static decision => decision.IsQuantized))
        {
            const int Shown = 5;
            var reasons = _decisions.GroupBy(static decision => (decision.OpType, decision.Reason))
                .Select(static group => $"{group.Count()} {group.Key.OpType}: {group.Key.Reason}").Take(Shown).ToList();
            throw new QuantizationException(QuantizationFailure.NothingToQuantize,
                $"Nothing in the model can be quantized by {_plan.Method}. "
                    + $"{(reasons.Count == 0 ? "It has no operator with weights of its kind." : string.Join("; ", reasons) + ".")}");
        }

        foreach (var (scope, nodes) in _first)
        {
            nodes.AddRange(scope.Graph.Node);
            scope.Graph.Node.Clear();
            scope.Graph.Node.Add(nodes);
        }

        UnusedWeights.Remove(Model, _replaced);
        MetadataProperties.Set(Model, MetadataProperties.Method, _plan.Method.ToString());
        return new(Model, _decisions);
    }

    private static void Walk(GraphProto graph, GraphScope? parent, Action<NodeProto, GraphScope, List<NodeProto>> replace)
    {
        var scope = new GraphScope(graph, parent);
        var nodes = new List<NodeProto>(graph.Node.Count);
        foreach (var node in graph.Node)
        {
            foreach (var inner in Nodes.Subgraphs(node))
                Walk(inner, scope, replace);
            replace(node, scope, nodes);
        }

        graph.Node.Clear();
        graph.Node.Add(nodes);
    }
}
