using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing;

/// <summary>
/// Removes nodes that no output depends on, and weights that nothing reads. Operators of foreign domains stay, for what they may do
/// besides.
/// </summary>
internal static class DeadParts
{
    public static void Run(ModelProto model, List<string> steps)
    {
        var removed = Remove(model.Graph);
        if (removed.Nodes > 0) steps.Add($"Removed {removed.Nodes} nodes that no output depends on.");
        if (removed.Weights > 0) steps.Add($"Removed {removed.Weights} weights that nothing reads.");
    }

    private static (int Nodes, int Weights) Remove(GraphProto graph)
    {
        var (nodes, weights) = (0, 0);
        foreach (var inner in graph.Node.SelectMany(Nodes.Subgraphs))
        {
            var removed = Remove(inner);
            nodes += removed.Nodes;
            weights += removed.Weights;
        }

        var needed = Needed(graph, out var alive);
        NodeProto[] keptNodes = [.. graph.Node.Where(alive.Contains)];
        if (keptNodes.Length < graph.Node.Count)
        {
            nodes += graph.Node.Count - keptNodes.Length;
            graph.Node.Clear();
            graph.Node.Add(keptNodes);
            DropInfo(graph, needed);
        }

        // A weight that is an input as well is part of what a caller sees.
        needed.UnionWith(graph.Input.Select(static input => input.Name));
        TensorProto[] keptWeights = [.. graph.Initializer.Where(tensor => needed.Contains(tensor.Name))];
        if (keptWeights.Length < graph.Initializer.Count)
        {
            weights += graph.Initializer.Count - keptWeights.Length;
            graph.Initializer.Clear();
            graph.Initializer.Add(keptWeights);
        }

        return (nodes, weights);
    }

    private static HashSet<string> Needed(GraphProto graph, out HashSet<NodeProto> alive)
    {
        var producers = new Dictionary<string, NodeProto>(StringComparer.Ordinal);
        foreach (var node in graph.Node)
        {
            foreach (var output in node.Output)
            {
                if (output.Length > 0) producers.TryAdd(output, node);
            }
        }

        // By reference: two nodes may be alike in all their fields, and comparing these would cost their weights each time.
        alive = new(ReferenceEqualityComparer.Instance);
        var needed = new HashSet<string>(StringComparer.Ordinal);
        var waiting = new Stack<NodeProto>();
        foreach (var output in graph.Output)
            Need(output.Name, alive);
        foreach (var node in graph.Node)
        {
            if (!IsPure(node) && alive.Add(node)) waiting.Push(node);
        }

        while (waiting.TryPop(out var node))
        {
            foreach (var output in node.Output)
                needed.Add(output);
            foreach (var input in node.Input)
                Need(input, alive);
            foreach (var captured in GraphIndex.CapturedBy(node))
                Need(captured, alive);
        }

        return needed;

        void Need(string value, HashSet<NodeProto> alive)
        {
            if (value.Length == 0 || !needed.Add(value)) return;
            if (producers.TryGetValue(value, out var producer) && alive.Add(producer)) waiting.Push(producer);
        }
    }

    private static void DropInfo(GraphProto graph, HashSet<string> needed)
    {
        ValueInfoProto[] kept = [.. graph.ValueInfo.Where(info => needed.Contains(info.Name))];
        graph.ValueInfo.Clear();
        graph.ValueInfo.Add(kept);
    }

    private static bool IsPure(NodeProto node) => Nodes.IsStandard(node) || node.Domain is Nodes.Microsoft or "ai.onnx.ml";
}
