using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting.Weights;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Rewriting;

/// <summary>
/// Tables that rows are picked out of, of words say, in 8 bits with a scale for each row. Only the picked rows become float, so that the
/// table is a quarter in memory as well. It costs next to no time.
/// </summary>
internal static class Tables
{
    // What smaller ones take does not matter.
    private const long LeastElements = 65_536;
    private const int High = 127;
    private const long Float = 1;

    /// <summary>Writes the tables of a model anew, in place, but those that something else reads as well.</summary>
    /// <returns>The names of the nodes that pick out of one.</returns>
    public static IReadOnlySet<string> Rewrite(ModelProto model, QuantizationPlan plan)
    {
        var done = new HashSet<string>(StringComparer.Ordinal);
        if (!plan.StoresTables) return done;
        var index = new GraphIndex(model.Graph);
        var names = new NameAllocator(model);
        var excluded = plan.ExcludedNodes.ToHashSet(StringComparer.Ordinal);
        foreach (var table in model.Graph.Initializer.Where(tensor => IsTable(tensor, index)).ToList())
        {
            NodeProto[] readers = [.. index.UsesOf(table.Name).Select(static use => use.Node)];
            var (rows, columns) = ((int)table.Dims[0], (int)table.Dims[1]);
            var scales = Int8Rounding.ScalesOfRows(TensorData.Floats(table), rows, columns, High);
            if (readers.Any(node => excluded.Contains(Nodes.NameOf(node))) || !Array.TrueForAll(scales, float.IsFinite)) continue;
            var (integers, factors) = (names.Next("w"), names.Next("v"));
            model.Graph.Initializer.Add(TensorData.Make(integers, Rounded(TensorData.Floats(table), scales, columns), rows, columns));
            model.Graph.Initializer.Add(TensorData.Make(factors, scales, rows, 1));
            foreach (var node in readers)
            {
                // A node without a name has that of its output, which it loses.
                done.Add(Nodes.NameOf(node));
                Replace(model.Graph, node, integers, factors, names);
            }

            model.Graph.Initializer.Remove(table);
        }

        return done;
    }

    /// <summary>The decisions, with what became of those nodes.</summary>
    public static IReadOnlyList<NodeDecision> Decide(IReadOnlyList<NodeDecision> decisions, IReadOnlySet<string> done) => done.Count == 0
        ? decisions
        : [.. decisions.Select(decision => decision.OpType == "Gather" && done.Contains(decision.Node)
            ? decision with { IsQuantized = true, Reason = "its table is kept in 8 bits" }
            : decision)];

    private static bool IsTable(TensorProto tensor, GraphIndex index)
    {
        if (tensor.Dims.Count != 2 || TensorData.TypeOf(tensor) != DataType.Float || TensorData.CountOf(tensor) < LeastElements)
            return false;
        var uses = index.UsesOf(tensor.Name);
        return uses.Count > 0 && index.ConstantOf(tensor.Name) is not null && !index.IsOutput(tensor.Name)
            && uses.All(static use => !use.IsFromSubgraph && use.Input == 0 && Nodes.Is(use.Node, "Gather")
                && Nodes.Int(use.Node, "axis", 0) is 0 or -2);
    }

    private static sbyte[] Rounded(float[] values, float[] scales, int columns)
    {
        var integers = new sbyte[values.Length];
        for (var row = 0; row < scales.Length; row++)
            Int8Rounding.Round(values.AsSpan(row * columns, columns), scales[row], integers.AsSpan(row * columns, columns));
        return integers;
    }

    private static void Replace(GraphProto graph, NodeProto node, string integers, string factors, NameAllocator names)
    {
        var (picked, real, scale, at) = (names.Next("i"), names.Next("r"), names.Next("k"), graph.Node.IndexOf(node));
        var output = node.Output[0];
        node.Input[0] = integers;
        node.Output[0] = picked;
        graph.Node.Insert(at + 1, Nodes.Make("Gather", [factors, node.Input[1]], [scale], "", Nodes.Int("axis", 0)));
        graph.Node.Insert(at + 2, Nodes.Make("Cast", [picked], [real], "", Nodes.Int("to", Float)));
        graph.Node.Insert(at + 3, Nodes.Make("Mul", [real, scale], [output], ""));
    }
}
