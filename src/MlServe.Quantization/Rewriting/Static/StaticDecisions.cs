using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting.Static;

/// <summary>Says of each operator what became of it.</summary>
internal static class StaticDecisions
{
    public static IEnumerable<NodeDecision> Of(ModelProto model, StaticLayout layout)
    {
        foreach (var graph in Graphs.Of(model))
        {
            var isMain = ReferenceEquals(graph, model.Graph);
            foreach (var node in graph.Node)
                yield return isMain
                    ? Of(node, layout)
                    : new(Nodes.NameOf(node), node.OpType, false, "in a subgraph, which stays FP32 in a static plan");
        }
    }

    private static NodeDecision Of(NodeProto node, StaticLayout layout)
    {
        var name = Nodes.NameOf(node);
        if (layout.IsFolded(node)) return new(name, node.OpType, true, "folded into the range of its input");
        if (layout.ComputeOf(node) is not null) return new(name, node.OpType, true, layout.Rounded(node) is null ? "float output" : "");
        return layout.IsQuantized(node)
            ? new(name, node.OpType, true, "between quantized operators")
            : new(name, node.OpType, false, layout.ReasonOf(node));
    }
}
