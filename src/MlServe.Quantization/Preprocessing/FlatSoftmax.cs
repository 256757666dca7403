using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing;

/// <summary>
/// Takes away the operators that raising the operator set wrote around Softmax and its like, if folding has shown since that there was no
/// need. The output of a Gemm has two axes, so all axes from the second on are the last.
/// </summary>
internal static class FlatSoftmax
{
    public static void Run(ModelProto model, List<string> steps)
    {
        var count = Graphs.Of(model).ToArray().Sum(Simplify);
        if (count > 0) steps.Add($"Wrote {count} Softmax without the Flatten and Reshape around it.");
    }

    private static int Simplify(GraphProto graph)
    {
        var index = new GraphIndex(graph);
        var gone = new HashSet<NodeProto>(ReferenceEqualityComparer.Instance);
        foreach (var reshape in graph.Node)
        {
            if (!Nodes.Is(reshape, "Reshape") || reshape.Input.Count != 2 || Nodes.Int(reshape, "allowzero", 0) != 0) continue;
            if (index.ProducerOf(reshape.Input[0]) is not { } softmax || !IsAlongLast(softmax)
                || !ReferenceEquals(index.SoleReaderOf(softmax.Output[0]), reshape))
                continue;
            if (index.ProducerOf(softmax.Input[0]) is not { } flatten || !Nodes.Is(flatten, "Flatten")
                || Nodes.Int(flatten, "axis", 1) != 1)
                continue;
            if (!ReferenceEquals(index.SoleReaderOf(flatten.Output[0]), softmax)) continue;
            if (index.ProducerOf(reshape.Input[1]) is not { } shape || !Nodes.Is(shape, "Shape") || shape.Attribute.Count > 0
                || shape.Input[0] != flatten.Input[0])
                continue;
            if (index.ProducerOf(flatten.Input[0]) is not { } source || !Nodes.Is(source, "Gemm")) continue;
            softmax.Input[0] = flatten.Input[0];
            softmax.Output[0] = reshape.Output[0];
            gone.Add(flatten);
            gone.Add(reshape);
        }

        if (gone.Count == 0) return 0;
        NodeProto[] left = [.. graph.Node.Where(node => !gone.Contains(node))];
        graph.Node.Clear();
        graph.Node.Add(left);
        return gone.Count / 2;
    }

    private static bool IsAlongLast(NodeProto node) =>
        Nodes.IsStandard(node) && (node.OpType is "Softmax" or "LogSoftmax" or "Hardmax") && Nodes.Int(node, "axis", -1) == -1;
}
