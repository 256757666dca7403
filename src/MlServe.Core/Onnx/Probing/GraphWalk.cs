using MlServe.Onnx.Graphs;

namespace MlServe.Onnx.Probing;

/// <summary>
/// Goes through every node that a run may come to. These are the nodes of the main graph that lead to an output, their subgraphs, and the
/// functions that they call.
/// </summary>
internal sealed class GraphWalk(OnnxGraph graph, Action<GraphNode, GraphScope> visit)
{
    private const int MaxDepth = 16;

    /// <summary>Functions that call each other can be written out to more nodes than any machine can walk.</summary>
    private const int MaxNodes = 200_000;

    private int _nodes;

    public void Run()
    {
        var scope = new GraphScope(null);
        foreach (var input in graph.Main.Inputs)
        {
            scope.SetOrigin(input.Name, input.Name);
            scope.SetRequested(input.Name);
        }

        foreach (var (name, tensor) in graph.Main.Initializers)
            scope.SetConstant(name, tensor);
        Walk(LiveNodes(graph.Main), scope, null, null, 0);
    }

    /// <summary>The nodes that lead to an output, in their order.</summary>
    private static List<GraphNode> LiveNodes(GraphBody body)
    {
        var wanted = body.Outputs.Select(static output => output.Name).ToHashSet();
        var live = new List<GraphNode>(body.Nodes.Count);
        for (var i = body.Nodes.Count - 1; i >= 0; i--)
        {
            var node = body.Nodes[i];
            if (!Array.Exists(node.Outputs, wanted.Contains)) continue;
            live.Add(node);
            wanted.UnionWith(node.Inputs);
            wanted.UnionWith(node.Captured);
        }

        live.Reverse();
        return live;
    }

    private void Walk(IReadOnlyList<GraphNode> nodes, GraphScope scope, GraphFunction? within, GraphNode? call, int depth)
    {
        if (depth > MaxDepth) return;
        foreach (var written in nodes)
        {
            if (++_nodes > MaxNodes) return;
            var node = within is null ? written : written.With(within.Bind(written, call!));
            if (node.TryGetConstant(out var constant)) scope.SetConstant(node.Outputs[0], constant);
            if (graph.FindFunction(node) is { } function) WalkFunction(function, node, scope, depth);
            else visit(node, scope);

            if (IsRequested(node, scope)) Array.ForEach(node.Outputs, scope.SetRequested);
            foreach (var body in node.Attributes.SelectMany(static attribute => attribute.Bodies))
                Walk(body.Nodes, Inner(body, scope), within, call, depth + 1);
        }
    }

    private void WalkFunction(GraphFunction function, GraphNode call, GraphScope scope, int depth)
    {
        var inner = new GraphScope(null);
        for (var i = 0; i < Math.Min(call.Inputs.Length, function.Body.Inputs.Count); i++)
        {
            var name = function.Body.Inputs[i].Name;
            if (scope.OriginOf(call.Inputs[i]) is { } origin) inner.SetOrigin(name, origin);
            if (scope.IsRequested(call.Inputs[i])) inner.SetRequested(name);
            if (scope.IsReal(call.Inputs[i])) inner.SetReal(name);
            if (scope.ConstantOf(call.Inputs[i]) is { } tensor) inner.SetConstant(name, tensor);
        }

        Walk(function.Body.Nodes, inner, function, call, depth + 1);
    }

    /// <summary>Whether the numbers of a request, and not only its shapes, decide what a node gives.</summary>
    private static bool IsRequested(GraphNode node, GraphScope scope) =>
        !(node.IsStandard && node.OpType is "Shape" or "Size")
        && (Array.Exists(node.Inputs, scope.IsRequested) || node.Captured.Any(scope.IsRequested));

    private static GraphScope Inner(GraphBody body, GraphScope around)
    {
        var inner = new GraphScope(around);
        foreach (var input in body.Inputs)
        {
            // What a loop carries: it may come from anywhere.
            inner.SetOrigin(input.Name, null);
            inner.SetRequested(input.Name);
        }

        foreach (var (name, tensor) in body.Initializers)
            inner.SetConstant(name, tensor);
        return inner;
    }
}
