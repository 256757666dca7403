using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing;

/// <summary>
/// Puts each node behind those whose values it reads, as the format asks and all that follows here relies on. ONNX Runtime takes a graph in
/// any order. Nodes that stand right keep their places among each other.
/// </summary>
internal static class NodeOrder
{
    public static void Run(ModelProto model, List<string> steps)
    {
        var moved = Graphs.Of(model).ToArray().Sum(Sort);
        if (moved > 0) steps.Add($"Put {moved} nodes behind those whose values they read.");
    }

    /// <returns>How many nodes stood before one whose value they read.</returns>
    private static int Sort(GraphProto graph)
    {
        var nodes = graph.Node;
        var producers = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < nodes.Count; i++)
        {
            foreach (var output in nodes[i].Output)
            {
                if (output.Length > 0) producers.TryAdd(output, i);
            }
        }

        int[][] needed =
            [.. nodes.Select(node => ReadBy(node).Where(producers.ContainsKey).Select(value => producers[value]).Distinct().ToArray())];
        var moved = needed.Index().Count(static pair => pair.Item.Any(producer => producer >= pair.Index));
        if (moved == 0) return 0;
        var order = Order(needed, graph);
        NodeProto[] sorted = [.. order.Select(i => nodes[i])];
        nodes.Clear();
        nodes.Add(sorted);
        return moved;
    }

    private static IEnumerable<string> ReadBy(NodeProto node) =>
        node.Input.Where(static input => input.Length > 0).Concat(GraphIndex.CapturedBy(node));

    /// <summary>Always the first node, in the old order, of those whose values are all there.</summary>
    private static List<int> Order(int[][] needed, GraphProto graph)
    {
        var missing = needed.Select(static producers => producers.Length).ToArray();
        var readers = new List<int>[needed.Length];
        for (var i = 0; i < needed.Length; i++)
        {
            foreach (var producer in needed[i])
                (readers[producer] ??= []).Add(i);
        }

        var ready = new PriorityQueue<int, int>();
        for (var i = 0; i < missing.Length; i++)
        {
            if (missing[i] == 0) ready.Enqueue(i, i);
        }

        var order = new List<int>(needed.Length);
        while (ready.TryDequeue(out var next, out _))
        {
            order.Add(next);
            foreach (var reader in readers[next] ?? [])
            {
                if (--missing[reader] == 0) ready.Enqueue(reader, reader);
            }
        }

        if (order.Count == needed.Length) return order;
        var stuck = graph.Node[Array.FindIndex(missing, static count => count > 0)];
        throw new QuantizationException(QuantizationFailure.Unreadable,
            $"Node '{Nodes.NameOf(stuck)}' ({stuck.OpType}) reads a value that is made of its own output. A graph may have no circles: "
                + "export the model anew.");
    }
}
