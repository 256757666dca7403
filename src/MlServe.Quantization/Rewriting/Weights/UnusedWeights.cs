using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting.Weights;

/// <summary>Takes weights out of a model that something else stands in for, unless a node still reads them.</summary>
internal static class UnusedWeights
{
    public static void Remove(ModelProto model, IReadOnlySet<Weight> replaced)
    {
        // By name alone, whichever graph it is read in: a name that means two things keeps both.
        var read = new HashSet<string>(StringComparer.Ordinal);
        foreach (var graph in Graphs.Of(model))
        {
            foreach (var node in graph.Node)
                read.UnionWith(node.Input);
            read.UnionWith(graph.Output.Select(static output => output.Name));
        }

        foreach (var group in replaced.Where(weight => !read.Contains(weight.Name))
            .GroupBy(static weight => weight.Owner.Graph, ReferenceEqualityComparer.Instance))
        {
            var names = group.Select(static weight => weight.Name).ToHashSet(StringComparer.Ordinal);
            var graph = (GraphProto)group.Key!;
            Keep(graph.Initializer, tensor => !names.Contains(tensor.Name));
            Keep(graph.Node, node => GraphScope.ConstantOf(node) is null || !node.Output.Any(names.Contains));
            Keep(graph.ValueInfo, value => !names.Contains(value.Name));
        }
    }

    private static void Keep<T>(Google.Protobuf.Collections.RepeatedField<T> items, Func<T, bool> isKept)
    {
        T[] kept = [.. items.Where(isKept)];
        if (kept.Length == items.Count) return;
        items.Clear();
        items.Add(kept);
    }
}
