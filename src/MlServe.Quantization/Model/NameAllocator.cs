using System.Globalization;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Model;

/// <summary>
/// Gives names that nothing in a model has, subgraphs included. They are short: in small models names outweigh the weights. The same calls
/// give the same names.
/// </summary>
internal sealed class NameAllocator
{
    private readonly HashSet<string> _taken = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _next = new(StringComparer.Ordinal);

    public NameAllocator(ModelProto model)
    {
        foreach (var graph in Graphs.Of(model))
        {
            _taken.UnionWith(graph.Input.Select(static value => value.Name));
            _taken.UnionWith(graph.Output.Select(static value => value.Name));
            _taken.UnionWith(graph.Initializer.Select(static tensor => tensor.Name));
            _taken.UnionWith(graph.SparseInitializer.Select(static tensor => tensor.Values?.Name ?? ""));
            // A value that nothing makes may be described all the same, and the runtime would take the description for that of the new one.
            _taken.UnionWith(graph.ValueInfo.Select(static value => value.Name));
            foreach (var node in graph.Node)
            {
                _taken.Add(node.Name);
                _taken.UnionWith(node.Input);
                _taken.UnionWith(node.Output);
            }
        }
    }

    /// <summary>A name if it is new, else a new one that begins so.</summary>
    public string Unique(string name) => _taken.Add(name) ? name : Next($"{name}_");

    /// <summary>A new name that begins so.</summary>
    public string Next(string prefix)
    {
        var number = _next.GetValueOrDefault(prefix);
        string name;
        do
        {
            name = string.Create(CultureInfo.InvariantCulture, $"{prefix}{number++}");
        }
        while (!_taken.Add(name));
        _next[prefix] = number;
        return name;
    }
}
