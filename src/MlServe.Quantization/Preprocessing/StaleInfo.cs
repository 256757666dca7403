using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing;

/// <summary>
/// Removes declarations of values that no node makes. The runtime would hold them against a value of the same name that comes in later.
/// </summary>
internal static class StaleInfo
{
    public static void Run(ModelProto model, List<string> steps)
    {
        var count = Graphs.Of(model).ToArray().Sum(Remove);
        if (count > 0) steps.Add($"Removed the descriptions of {count} values that are not in the model.");
    }

    private static int Remove(GraphProto graph)
    {
        if (graph.ValueInfo.Count == 0) return 0;
        var made = graph.Node.SelectMany(static node => node.Output).Concat(graph.Initializer.Select(static tensor => tensor.Name))
            .Concat(graph.Input.Select(static input => input.Name)).ToHashSet(StringComparer.Ordinal);
        ValueInfoProto[] kept = [.. graph.ValueInfo.Where(info => made.Contains(info.Name))];
        var count = graph.ValueInfo.Count - kept.Length;
        if (count == 0) return 0;
        graph.ValueInfo.Clear();
        graph.ValueInfo.Add(kept);
        return count;
    }
}
