using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing.Shapes;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing;

/// <summary>
/// Writes Clip(x + 3, 0, 6) / 6 as one HardSigmoid, and x times it as one more multiplication. It knows all the orders in which exporters
/// write them. Only if the constants are exactly these, and nobody else reads the values in between.
/// </summary>
internal sealed class HardSwishRewriter
{
    private const float Sixth = 1f / 6;

    private readonly GraphProto _graph;
    private readonly HardSwishPattern _pattern;
    private readonly HashSet<NodeProto> _gone = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<NodeProto, NodeProto[]> _written = new(ReferenceEqualityComparer.Instance);

    private HardSwishRewriter(GraphProto graph, GraphIndex outermost, KnownShapes shapes)
    {
        _graph = graph;
        _pattern = new(new(graph), outermost, shapes);
    }

    public static void Run(ModelProto model, List<string> steps)
    {
        var outermost = new GraphIndex(model.Graph);
        var shapes = new KnownShapes(model);
        var count = Graphs.Of(model).ToArray().Sum(graph => new HardSwishRewriter(graph, outermost, shapes).Rewrite());
        if (count > 0) steps.Add($"Wrote {count} chains of Add, Clip and Div, as HardSwish and HardSigmoid were exported, as HardSigmoid.");
    }

    private int Rewrite()
    {
        foreach (var node in _graph.Node)
        {
            if (_pattern.Match(node) is not { } found) continue;
            _gone.UnionWith(found.Replaced);
            _written.Add(node, [.. Write(found, node)]);
        }

        if (_written.Count == 0) return 0;
        NodeProto[] nodes = [.. _graph.Node.SelectMany(node => _written.TryGetValue(node, out var written) ? written
            : _gone.Contains(node) ? []
            : [node])];
        _graph.Node.Clear();
        _graph.Node.Add(nodes);
        DropInfo();
        return _written.Count;
    }

    /// <summary>The names are those of nodes and values that go, so that no new one is needed.</summary>
    private static IEnumerable<NodeProto> Write(HardSwishPattern.Found found, NodeProto last)
    {
        var gate = found.IsMultiplied ? found.Clamped : last.Output[0];
        var name = found.IsMultiplied ? found.Replaced[0].Name : last.Name;
        yield return Nodes.Make("HardSigmoid", [found.Source], [gate], name, Nodes.Float("alpha", Sixth), Nodes.Float("beta", 0.5f));
        if (found.IsMultiplied) yield return Nodes.Make("Mul", [found.Source, gate], [last.Output[0]], last.Name);
    }

    private void DropInfo()
    {
        var left = _graph.Node.SelectMany(static node => node.Output).ToHashSet(StringComparer.Ordinal);
        var removed = _gone.SelectMany(static node => node.Output)
            .Where(output => !left.Contains(output))
            .ToHashSet(StringComparer.Ordinal);
        ValueInfoProto[] kept = [.. _graph.ValueInfo.Where(info => !removed.Contains(info.Name))];
        _graph.ValueInfo.Clear();
        _graph.ValueInfo.Add(kept);
    }
}
