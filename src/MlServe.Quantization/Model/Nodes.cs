using Google.Protobuf;
using MlServe.Quantization.Proto;
using AttributeType = MlServe.Quantization.Proto.AttributeProto.Types.AttributeType;

namespace MlServe.Quantization.Model;

/// <summary>Makes nodes and reads their attributes.</summary>
internal static class Nodes
{
    public const string Microsoft = "com.microsoft";

    /// <summary>Whether a node is an operator of the standard set.</summary>
    public static bool Is(NodeProto node, string operation) => node.OpType == operation && IsStandard(node);

    public static bool IsStandard(NodeProto node) => node.Domain is "" or "ai.onnx";

    /// <summary>A node's name for people: its own, or that of its first output.</summary>
    public static string NameOf(NodeProto node) =>
        node.Name.Length > 0 ? node.Name : node.Output.FirstOrDefault(static output => output.Length > 0) ?? node.OpType;

    public static NodeProto Make(
        string operation, IEnumerable<string> inputs, IEnumerable<string> outputs, string name,
        params ReadOnlySpan<AttributeProto> attributes)
    {
        var node = new NodeProto { OpType = operation, Name = name };
        node.Input.Add(inputs);
        node.Output.Add(outputs);
        foreach (var attribute in attributes)
            node.Attribute.Add(attribute);
        return node;
    }

    public static AttributeProto? Find(NodeProto node, string name) => node.Attribute.FirstOrDefault(attribute => attribute.Name == name);

    public static long Int(NodeProto node, string name, long otherwise) => Find(node, name)?.I ?? otherwise;

    public static float Float(NodeProto node, string name, float otherwise) => Find(node, name)?.F ?? otherwise;

    public static long[]? Ints(NodeProto node, string name) => Find(node, name)?.Ints.ToArray();

    public static string Text(NodeProto node, string name, string otherwise) => Find(node, name)?.S.ToStringUtf8() ?? otherwise;

    public static void Remove(NodeProto node, string name)
    {
        if (Find(node, name) is { } attribute) node.Attribute.Remove(attribute);
    }

    /// <summary>Whether a convolution puts zeros around its input, or may.</summary>
    public static bool Pads(NodeProto node) =>
        Text(node, "auto_pad", "NOTSET") is not ("NOTSET" or "VALID") || Ints(node, "pads")?.Any(static pad => pad != 0) == true;

    public static AttributeProto Int(string name, long value) => new() { Name = name, Type = AttributeType.Int, I = value };

    public static AttributeProto Float(string name, float value) => new() { Name = name, Type = AttributeType.Float, F = value };

    public static AttributeProto Text(string name, string value) =>
        new() { Name = name, Type = AttributeType.String, S = ByteString.CopyFromUtf8(value) };

    public static AttributeProto Ints(string name, params ReadOnlySpan<long> values)
    {
        var attribute = new AttributeProto { Name = name, Type = AttributeType.Ints };
        foreach (var value in values)
            attribute.Ints.Add(value);
        return attribute;
    }

    /// <summary>The graphs in a node's attributes.</summary>
    public static IEnumerable<GraphProto> Subgraphs(NodeProto node)
    {
        foreach (var attribute in node.Attribute)
        {
            if (attribute.G is { } graph) yield return graph;
            foreach (var each in attribute.Graphs)
                yield return each;
        }
    }
}
