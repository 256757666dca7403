using Google.Protobuf.Collections;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Preprocessing;

/// <summary>
/// Folds constants and batch normalization by ONNX Runtime's own basic optimizations. Only the nodes and weights are taken from what it
/// gives: all else of the model stays as its author wrote it.
/// </summary>
internal static class ConstantFolder
{
    /// <summary>How the runtime names the casts that it puts around operators that it has not for a narrower type.</summary>
    private const string InsertedCast = "InsertedPrecisionFreeCast_";

    public static void Run(ModelProto model, List<string> steps)
    {
        ModelProto simplified;
        try
        {
            simplified = GraphOptimizer.Simplify(model);
        }
        catch (QuantizationException exception) when (exception.Message.Contains(
            "Unregistered TensorElementType", StringComparison.Ordinal))
        {
            steps.Add("Folded no constants: the model has inputs or outputs of a type that ONNX Runtime's C# interface does not know.");
            return;
        }

        if (Obstacle(model, simplified) is { } obstacle)
        {
            steps.Add($"Folded no constants: ONNX Runtime {obstacle}.");
            return;
        }

        var before = CountOf(model);
        var after = CountOf(simplified);
        if (after == before) return;
        Take(simplified, model);
        steps.Add($"Folded constants and batch normalization: {before.Nodes} nodes became {after.Nodes}.");
    }

    private static string? Obstacle(ModelProto model, ModelProto simplified)
    {
        var domains = DomainsOf(model);
        if (DomainsOf(simplified).FirstOrDefault(domain => !domains.Contains(domain)) is { } domain)
            return $"brought in operators of '{domain}'";
        if (Graphs.OpsetOf(simplified) != Graphs.OpsetOf(model) && Graphs.OpsetOf(model) != 0) return "changed the operator set";
        if (!NamesOf(simplified.Graph.Output).SequenceEqual(NamesOf(model.Graph.Output))) return "changed the outputs";
        var weights = model.Graph.Initializer.Select(static tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        if (!NamesOf(simplified.Graph.Input)
            .Where(name => !weights.Contains(name))
            .SequenceEqual(NamesOf(model.Graph.Input).Where(name => !weights.Contains(name))))
            return "changed the inputs";
        return Graphs.Of(simplified)
            .SelectMany(static graph => graph.Node)
            .Any(static node => node.Name.StartsWith(InsertedCast, StringComparison.Ordinal))
            ? "has operators for a wider type only, and would put casts around them"
            : null;
    }

    private static void Take(ModelProto simplified, ModelProto model)
    {
        var (graph, from) = (model.Graph, simplified.Graph);
        string[] before = [.. NamesOf(graph.Initializer)];
        var described = Graphs.Of(model)
            .SelectMany(static each => each.ValueInfo)
            .Select(static info => info.Name)
            .ToHashSet(StringComparer.Ordinal);
        foreach (var inner in Graphs.Of(simplified).Skip(1).ToArray())
        {
            Replace(inner.Initializer, Sorted(inner, []));
            Replace(inner.ValueInfo, inner.ValueInfo.Where(info => described.Contains(info.Name)));
        }

        Replace(graph.Node, from.Node);
        Replace(graph.Initializer, Sorted(from, before));
        Replace(graph.SparseInitializer, from.SparseInitializer);
        var left = graph.Node.SelectMany(static node => node.Output).ToHashSet(StringComparer.Ordinal);
        Replace(graph.ValueInfo, graph.ValueInfo.Where(info => left.Contains(info.Name)));
        Replace(model.Functions, simplified.Functions);
        model.IrVersion = Math.Max(model.IrVersion, ListedWeights.FirstVersionWithout);
    }

    private static void Replace<T>(RepeatedField<T> list, IEnumerable<T> by)
    {
        T[] items = [.. by];
        list.Clear();
        list.Add(items);
    }

    /// <summary>The runtime keeps weights in a table without an order; the same model must always give the same bytes.</summary>
    private static IEnumerable<TensorProto> Sorted(GraphProto graph, IEnumerable<string> before)
    {
        var place = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var name in before.Concat(graph.Node.SelectMany(static node => node.Input)))
            place.TryAdd(name, place.Count);
        return graph.Initializer.OrderBy(tensor => place.GetValueOrDefault(tensor.Name, int.MaxValue))
            .ThenBy(static tensor => tensor.Name, StringComparer.Ordinal);
    }

    private static (int Nodes, int Weights) CountOf(ModelProto model)
    {
        var (nodes, weights) = (0, 0);
        foreach (var graph in Graphs.Of(model))
        {
            nodes += graph.Node.Count;
            weights += graph.Initializer.Count;
        }

        return (nodes, weights);
    }

    private static HashSet<string> DomainsOf(ModelProto model) =>
        [.. Graphs.Of(model).SelectMany(static graph => graph.Node).Select(static node => Nodes.IsStandard(node) ? "" : node.Domain)];

    private static IEnumerable<string> NamesOf(IEnumerable<ValueInfoProto> values) => values.Select(static value => value.Name);

    private static IEnumerable<string> NamesOf(IEnumerable<TensorProto> tensors) => tensors.Select(static tensor => tensor.Name);
}
