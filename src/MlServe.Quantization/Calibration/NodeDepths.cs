using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting.Static;

namespace MlServe.Quantization.Calibration;

/// <summary>
/// How many of some nodes lie before each of them on the longest way through a graph. Nodes of the same depth do not depend on each other.
/// </summary>
internal static class NodeDepths
{
    public static int[] Of(GraphProto graph, IReadOnlyList<ComputeNode> nodes)
    {
        var positions = new Dictionary<NodeProto, int>(ReferenceEqualityComparer.Instance);
        for (var i = 0; i < nodes.Count; i++)
            positions.Add(nodes[i].Node, i);
        var values = new Dictionary<string, int>(StringComparer.Ordinal);
        var depths = new int[nodes.Count];
        foreach (var node in graph.Node)
        {
            var depth = node.Input.Select(input => values.GetValueOrDefault(input)).DefaultIfEmpty().Max();
            if (positions.TryGetValue(node, out var position)) depths[position] = depth++;
            foreach (var output in node.Output)
                values[output] = depth;
        }

        return depths;
    }
}
