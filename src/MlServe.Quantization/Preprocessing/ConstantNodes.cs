using Google.Protobuf;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing;

/// <summary>Makes initializers of Constant nodes, in the main graph and in subgraphs: some exporters keep all weights so.</summary>
internal static class ConstantNodes
{
    public static void Run(ModelProto model, List<string> steps)
    {
        var count = 0;
        foreach (var graph in Graphs.Of(model))
        {
            // An output that is a weight is legal, and not every reader of the format takes it.
            var outputs = graph.Output.Select(static output => output.Name).ToHashSet(StringComparer.Ordinal);
            var kept = new List<NodeProto>(graph.Node.Count);
            foreach (var node in graph.Node)
            {
                if (!Nodes.Is(node, "Constant") || node.Output.Count != 1 || outputs.Contains(node.Output[0])
                    || TensorOf(node) is not { } tensor)
                    kept.Add(node);
                else graph.Initializer.Add(tensor);
            }

            if (kept.Count == graph.Node.Count) continue;
            count += graph.Node.Count - kept.Count;
            graph.Node.Clear();
            graph.Node.Add(kept);
        }

        if (count == 0) return;
        model.IrVersion = Math.Max(model.IrVersion, ListedWeights.FirstVersionWithout);
        steps.Add($"Made weights of {count} Constant nodes.");
    }

    private static TensorProto? TensorOf(NodeProto node)
    {
        if (node.Attribute.Count != 1 || node.Attribute[0] is not { RefAttrName: "" } attribute) return null;
        var name = node.Output[0];
        switch (attribute.Name)
        {
            case "value" when attribute.T is { } value:
                var tensor = value.Clone();
                tensor.Name = name;
                return tensor;
            case "value_float":
                return TensorData.Scalar(name, attribute.F);
            case "value_floats":
                return TensorData.Make(name, [.. attribute.Floats], attribute.Floats.Count);
            case "value_int":
                return TensorData.Make(name, [attribute.I]);
            case "value_ints":
                return TensorData.Make(name, [.. attribute.Ints], attribute.Ints.Count);
            case "value_string":
                return Strings(name, [attribute.S]);
            case "value_strings":
                return Strings(name, attribute.Strings, attribute.Strings.Count);
            default:
                return null;
        }
    }

    private static TensorProto Strings(string name, IEnumerable<ByteString> values, params ReadOnlySpan<long> shape)
    {
        var tensor = new TensorProto { Name = name, DataType = (int)TensorProto.Types.DataType.String };
        foreach (var size in shape)
            tensor.Dims.Add(size);
        tensor.StringData.Add(values);
        return tensor;
    }
}
