using MlServe.Onnx.Graphs;

namespace MlServe.Onnx.Safety;

/// <summary>Which values of a graph are needed at the same time, in the order of its nodes.</summary>
internal sealed class LiveValues
{
    private readonly Dictionary<string, int> _readers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, double> _bytes = new(StringComparer.Ordinal);

    public LiveValues(GraphBody body)
    {
        foreach (var name in body.Nodes.SelectMany(static node => node.Inputs.Concat(node.Captured)))
            _readers[name] = _readers.GetValueOrDefault(name) + 1;

        // What the graph gives is needed to the end.
        foreach (var output in body.Outputs)
            _readers[output.Name] = int.MaxValue;
    }

    /// <summary>The bytes that a node adds; constants are counted elsewhere.</summary>
    public double Make(GraphNode node, EstimateScope scope)
    {
        var made = 0.0;
        foreach (var name in node.Outputs)
        {
            if (name.Length == 0 || scope[name] is not { Dims: not null, IsConstant: false } value || !_bytes.TryAdd(name, value.Bytes))
                continue;
            made += value.Bytes;
        }

        return made;
    }

    /// <summary>The bytes that are free once a node has run.</summary>
    public double Release(GraphNode node)
    {
        var freed = 0.0;
        foreach (var name in node.Inputs.Concat(node.Captured))
        {
            if (!_readers.TryGetValue(name, out var readers) || readers == int.MaxValue) continue;
            _readers[name] = readers - 1;
            if (readers == 1 && _bytes.Remove(name, out var bytes)) freed += bytes;
        }

        foreach (var name in node.Outputs)
        {
            if (!_readers.ContainsKey(name) && _bytes.Remove(name, out var bytes)) freed += bytes;
        }

        return freed;
    }
}
