using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing.Shapes;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing;

/// <summary>
/// Declares the shapes of the two sides of additions, if both are the same for all inputs. ONNX Runtime then adds within the convolution
/// before, and otherwise writes out both sides and looks at run time. The computed values do not change.
/// </summary>
internal static class SumShapes
{
    // Convolutions in the runtime's own layout have two such axes.
    private const int Rank = 4;

    public static void Run(ModelProto model, List<string> steps)
    {
        var graph = model.Graph;
        if (!graph.Node.Any(static node => Nodes.Is(node, "Add")) || !graph.Node.Any(static node => Nodes.Is(node, "Conv"))) return;
        var (shapes, index) = (new SymbolicShapes(graph), new GraphIndex(graph));
        var declared = new Dictionary<string, ValueInfoProto>(StringComparer.Ordinal);
        var names = new NameAllocator(model);
        var taken = NamesOfLengths(graph);
        var symbols = new Dictionary<int, string>();
        var count = 0;
        foreach (var node in graph.Node)
        {
            if (!Nodes.Is(node, "Add") || node.Input.Count != 2
                || !node.Input.All(input => index.ProducerOf(input) is not null && !index.IsOutput(input)))
                continue;
            if (shapes.Find(node.Input[0]) is not { Axes.Length: Rank } left || shapes.Find(node.Input[1]) is not { } right) continue;
            if (!left.Axes.AsSpan().SequenceEqual(right.Axes) || left.Element != right.Element
                || left.Axes.All(static axis => axis.IsKnown))
                continue;
            count++;
            foreach (var input in node.Input)
                declared.TryAdd(input, Info(input, left.Axes, (int)left.Element));
        }

        if (count == 0) return;
        ValueInfoProto[] kept = [.. graph.ValueInfo.Where(info => !declared.ContainsKey(info.Name))];
        graph.ValueInfo.Clear();
        graph.ValueInfo.Add(kept);
        graph.ValueInfo.Add(declared.Values);
        steps.Add($"Declared that both sides of {count} additions have one shape.");

        ValueInfoProto Info(string value, Axis[] axes, int element)
        {
            var shape = new TensorShapeProto();
            foreach (var axis in axes)
                shape.Dim.Add(axis.IsKnown
                    ? new TensorShapeProto.Types.Dimension { DimValue = axis.Length }
                    : new TensorShapeProto.Types.Dimension { DimParam = NameOf(axis.Symbol) });
            return new() { Name = value, Type = new() { TensorType = new() { ElemType = element, Shape = shape } } };
        }

        string NameOf(int symbol)
        {
            if (symbols.TryGetValue(symbol, out var name)) return name;
            do
            {
                name = names.Next("n");
            }
            while (taken.Contains(name));
            symbols.Add(symbol, name);
            return name;
        }
    }

    private static HashSet<string> NamesOfLengths(GraphProto graph) =>
        graph.Input.Concat(graph.Output)
            .Concat(graph.ValueInfo)
            .SelectMany(static info => info.Type?.TensorType?.Shape?.Dim.Select(static dim => dim.DimParam) ?? [])
            .ToHashSet(StringComparer.Ordinal);
}
