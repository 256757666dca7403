using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Model;

/// <summary>Walks the graphs of a model.</summary>
internal static class Graphs
{
    /// <summary>The main graph and all subgraphs, outer ones first.</summary>
    public static IEnumerable<GraphProto> Of(ModelProto model)
    {
        var waiting = new Queue<GraphProto>([model.Graph]);
        while (waiting.TryDequeue(out var graph))
        {
            yield return graph;
            foreach (var node in graph.Node)
            {
                foreach (var inner in Nodes.Subgraphs(node))
                    waiting.Enqueue(inner);
            }
        }
    }

    /// <summary>All graphs in the attributes of nodes, outer ones first.</summary>
    public static IEnumerable<GraphProto> Within(IEnumerable<NodeProto> nodes)
    {
        foreach (var graph in nodes.SelectMany(Nodes.Subgraphs))
        {
            yield return graph;
            foreach (var inner in Within(graph.Node))
                yield return inner;
        }
    }

    /// <summary>The version of the standard operator set; 0 if the model imports none.</summary>
    public static long OpsetOf(ModelProto model) =>
        model.OpsetImport.FirstOrDefault(static opset => opset.Domain is "" or "ai.onnx")?.Version ?? 0;

    /// <summary>Imports an operator set, or raises the version of one that is there.</summary>
    public static void RequireOpset(ModelProto model, string domain, long version)
    {
        var found = model.OpsetImport.FirstOrDefault(opset => opset.Domain == domain || (domain.Length == 0 && opset.Domain == "ai.onnx"));
        if (found is null) model.OpsetImport.Add(new OperatorSetIdProto { Domain = domain, Version = version });
        else if (found.Version < version) found.Version = version;
    }
}
