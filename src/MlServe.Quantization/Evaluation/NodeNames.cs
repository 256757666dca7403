using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Evaluation;

/// <summary>
/// Finds the node of a preprocessed model that a name of the source stands for, because folding renames the node that took another in.
/// Finds it by its name, or by the name of a value that it makes. If neither is there, it follows the values of the source's node to the
/// next node that is.
/// </summary>
internal sealed class NodeNames
{
    private readonly Dictionary<string, NodeProto> _source = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<NodeProto>> _readers = new(StringComparer.Ordinal);
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _byOutput = new(StringComparer.Ordinal);

    public NodeNames(ModelProto source, ModelProto preprocessed)
    {
        foreach (var node in Graphs.Of(source).SelectMany(static graph => graph.Node))
        {
            _source.TryAdd(Nodes.NameOf(node), node);
            foreach (var output in node.Output.Where(static output => output.Length > 0))
                _source.TryAdd(output, node);
            foreach (var input in node.Input.Where(static input => input.Length > 0))
            {
                if (!_readers.TryGetValue(input, out var readers)) _readers.Add(input, readers = []);
                readers.Add(node);
            }
        }

        foreach (var node in Graphs.Of(preprocessed).SelectMany(static graph => graph.Node))
        {
            _names.Add(Nodes.NameOf(node));
            foreach (var output in node.Output.Where(static output => output.Length > 0))
                _byOutput.TryAdd(output, Nodes.NameOf(node));
        }
    }

    public IReadOnlyCollection<string> Names => _names;

    /// <summary>
    /// The name in the preprocessed model; null: no such node is there, nor was it in the source, or what it made is a constant.
    /// </summary>
    public string? Find(string name)
    {
        if (_names.Contains(name)) return name;
        if (_byOutput.TryGetValue(name, out var maker)) return maker;
        if (!_source.TryGetValue(name, out var node)) return null;
        var seen = new HashSet<NodeProto>(ReferenceEqualityComparer.Instance);
        while (seen.Add(node))
        {
            foreach (var output in node.Output)
            {
                if (_byOutput.TryGetValue(output, out var there)) return there;
            }

            // What stood alone behind it has taken it in.
            var readers = node.Output.SelectMany(output => _readers.GetValueOrDefault(output) ?? []).Distinct().ToList();
            if (readers.Count != 1) return null;
            node = readers[0];
        }

        return null;
    }

    /// <summary>Whether the source has a node of that name.</summary>
    public bool IsInSource(string name) => _source.ContainsKey(name);
}
