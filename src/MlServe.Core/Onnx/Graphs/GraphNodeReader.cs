using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Graphs;

/// <summary>Reads NodeProto and AttributeProto.</summary>
internal static class GraphNodeReader
{
    public static GraphNode Read(WireReader reader, GraphReading reading, int depth)
    {
        reading.State.CountNode(reader);
        string opType = "", domain = InspectionState.OnnxDomain, name = "", overload = "";
        List<string> inputs = [], outputs = [];
        List<GraphAttribute> attributes = [];
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    inputs.Add(reading.Name(ref reader, "input"));
                    break;
                case 2:
                    outputs.Add(reading.Name(ref reader, "output"));
                    break;
                case 3:
                    name = reading.Name(ref reader, "name");
                    break;
                case 4:
                    opType = reading.Name(ref reader, "op_type");
                    break;
                case 5:
                    attributes.Add(ReadAttribute(reader.Repeated("attribute", "AttributeProto"), reading, depth));
                    break;
                case 7:
                    domain = reading.Domain(ref reader);
                    break;
                case 8:
                    overload = reading.Name(ref reader, "overload");
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new()
        {
            Domain = domain,
            OpType = opType,
            Overload = overload,
            Name = name,
            Inputs = [.. inputs],
            Outputs = [.. outputs],
            Attributes = [.. attributes],
            Captured = Captures(attributes),
        };
    }

    public static GraphAttribute ReadAttribute(WireReader reader, GraphReading reading, int depth)
    {
        var name = "";
        string? reference = null, text = null;
        var kind = GraphAttributeKind.Undefined;
        var seen = GraphAttributeKind.Undefined;
        long number = 0;
        float real = 0;
        var count = 0;
        List<long> ints = [];
        List<float> floats = [];
        List<string> texts = [];
        List<GraphBody> bodies = [];
        GraphTensor? tensor = null;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    name = reading.Name(ref reader, "name");
                    break;
                case 2:
                    var bytes = reader.FixedBytes("f", WireType.Fixed32);
                    if (bytes.Length > 0) real = MemoryMarshal.Read<float>(bytes[^sizeof(float)..]);
                    seen = GraphAttributeKind.Float;
                    break;
                case 3:
                    number = reader.Int64("i");
                    seen = GraphAttributeKind.Int;
                    break;
                case 4:
                    text = TextOf(reader.Bytes("s"));
                    seen = GraphAttributeKind.Text;
                    break;
                case 5:
                    tensor = GraphTensorReader.Read(reader.Single("t", "TensorProto"), reading);
                    seen = GraphAttributeKind.Tensor;
                    break;
                case 6:
                    bodies.Add(GraphBodyReader.Read(reader.Single("g", "GraphProto"), reading, depth + 1));
                    seen = GraphAttributeKind.Graph;
                    break;
                case 7:
                    count += AddFloats(ref reader, floats);
                    seen = GraphAttributeKind.Floats;
                    break;
                case 8:
                    count += reader.ReadVarints("ints", ints, OnnxGraph.MaxKeptValues);
                    seen = GraphAttributeKind.Ints;
                    break;
                case 9:
                    count++;
                    if (TextOf(reader.Bytes("strings")) is { } one && texts.Count < OnnxGraph.MaxKeptValues) texts.Add(one);
                    seen = GraphAttributeKind.Texts;
                    break;
                case 10:
                    var next = GraphTensorReader.Read(reader.Repeated("tensors", "TensorProto"), reading);
                    tensor ??= next;
                    seen = GraphAttributeKind.Tensors;
                    break;
                case 11:
                    bodies.Add(GraphBodyReader.Read(reader.Repeated("graphs", "GraphProto"), reading, depth + 1));
                    seen = GraphAttributeKind.Graphs;
                    break;
                case 20:
                    kind = (GraphAttributeKind)(int)reader.Int64("type");
                    break;
                case 21:
                    reference = reading.Name(ref reader, "ref_attr_name");
                    break;
                case 22:
                    tensor = GraphTensorReader.ReadSparse(reader.Single("sparse_tensor", "SparseTensorProto"), reading);
                    seen = GraphAttributeKind.SparseTensor;
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        var isKept = reading.TryKeep(count);
        return new()
        {
            Name = name,
            // Files of the first IR version leave the kind out.
            Kind = kind == GraphAttributeKind.Undefined ? seen : kind,
            Reference = string.IsNullOrEmpty(reference) ? null : reference,
            Int = number,
            Float = real,
            Text = text,
            Count = count,
            Ints = isKept && kind is GraphAttributeKind.Ints or GraphAttributeKind.Undefined ? [.. ints] : null,
            Floats = isKept && kind is GraphAttributeKind.Floats or GraphAttributeKind.Undefined ? [.. floats] : null,
            Texts = isKept && texts.Count == count ? [.. texts] : null,
            Tensor = tensor,
            Bodies = bodies,
        };
    }

    private static int AddFloats(ref WireReader reader, List<float> floats)
    {
        var values = MemoryMarshal.Cast<byte, float>(reader.FixedBytes("floats", WireType.Fixed32));
        foreach (var value in values[..Math.Min(values.Length, OnnxGraph.MaxKeptValues - floats.Count)])
            floats.Add(value);
        return values.Length;
    }

    private static string? TextOf(ReadOnlySpan<byte> bytes) =>
        bytes.Length <= OnnxGraph.MaxKeptText && Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : null;

    private static IReadOnlyList<string> Captures(List<GraphAttribute> attributes)
    {
        HashSet<string>? captured = null;
        foreach (var attribute in attributes)
        {
            foreach (var body in attribute.Bodies)
                (captured ??= []).UnionWith(body.Free);
        }

        return captured is null ? [] : [.. captured];
    }
}
