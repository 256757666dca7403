using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting.Weights;

namespace MlServe.Quantization.Rewriting;

/// <summary>A graph and the graphs around it, as they were before a rewrite: names that it does not define are theirs.</summary>
internal sealed class GraphScope(GraphProto graph, GraphScope? parent)
{
    private readonly GraphIndex _index = new(graph);
    private readonly Dictionary<string, Weight> _weights = new(StringComparer.Ordinal);

    public GraphProto Graph => graph;

    /// <summary>Finds a constant.</summary>
    /// <param name="name">The value's name in this graph.</param>
    /// <param name="reason">If there is none that may be changed: why, as the end of a sentence about a node.</param>
    public Weight? Find(string name, out string reason)
    {
        reason = "";
        for (var scope = this; scope is not null; scope = scope.Parent)
        {
            var index = scope._index;
            if (index.IsInitializer(name) && index.IsInput(name))
                reason = "its weights are an input as well, in place of which a caller may give others";
            else if (index.IsInput(name)
                || (!index.IsInitializer(name) && index.ProducerOf(name) is { } producer && ConstantOf(producer) is null))
                reason = "its weights are no constant";
            else if (index.IsOutput(name))
                reason = "its weights are an output as well";
            else if (index.ConstantOf(name) is { } tensor)
                return scope.Remember(name, tensor);
            else if (index.ProducerOf(name) is { } constant)
                return scope.Remember(name, ConstantOf(constant)!);
            else
                continue;
            return null;
        }

        reason = "its weights are not in the model";
        return null;
    }

    /// <summary>The only node of this graph that reads a value that is no output; null if there are none or several.</summary>
    public NodeProto? SoleReaderOf(string value) => _index.SoleReaderOf(value);

    /// <summary>How many axes a constant of any kind has; null: it is no constant.</summary>
    public int? AxesOfConstant(string name)
    {
        for (var scope = this; scope is not null; scope = scope.Parent)
        {
            if (scope.Graph.Initializer.FirstOrDefault(tensor => tensor.Name == name) is { } tensor) return tensor.Dims.Count;
            if (scope._index.ProducerOf(name) is { } producer) return ConstantOf(producer)?.Dims.Count;
        }

        return null;
    }

    private GraphScope? Parent => parent;

    public static TensorProto? ConstantOf(NodeProto node) => Nodes.Is(node, "Constant") ? Nodes.Find(node, "value")?.T : null;

    private Weight Remember(string name, TensorProto tensor)
    {
        if (!_weights.TryGetValue(name, out var weight)) _weights.Add(name, weight = new(name, tensor, this));
        return weight;
    }
}
