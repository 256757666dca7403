namespace MlServe.Attack.Mutations;

/// <summary>
/// A protobuf message that can be changed and written again. Which bytes are messages is taken from where ONNX has messages; what does not
/// read as one stays bytes.
/// </summary>
internal sealed class ProtoMessage(string kind)
{
    private static readonly Dictionary<(string Kind, int Field), string> Kinds = new()
    {
        [("Model", 7)] = "Graph",
        [("Model", 8)] = "Opset",
        [("Model", 25)] = "Function",
        [("Graph", 1)] = "Node",
        [("Graph", 5)] = "Tensor",
        [("Graph", 11)] = "Value",
        [("Graph", 12)] = "Value",
        [("Graph", 13)] = "Value",
        [("Graph", 15)] = "Sparse",
        [("Function", 7)] = "Node",
        [("Function", 9)] = "Opset",
        [("Function", 11)] = "Attribute",
        [("Node", 5)] = "Attribute",
        [("Attribute", 5)] = "Tensor",
        [("Attribute", 6)] = "Graph",
        [("Attribute", 10)] = "Tensor",
        [("Attribute", 11)] = "Graph",
        [("Attribute", 22)] = "Sparse",
        [("Sparse", 1)] = "Tensor",
        [("Sparse", 2)] = "Tensor",
        [("Value", 2)] = "Type",
        [("Type", 1)] = "TensorType",
        [("Type", 4)] = "Sequence",
        [("Type", 9)] = "Sequence",
        [("Sequence", 1)] = "Type",
        [("TensorType", 2)] = "Shape",
        [("Shape", 1)] = "Dimension",
    };

    public string Kind { get; } = kind;

    public List<ProtoField> Fields { get; } = [];

    /// <summary>Reads a message; null where the bytes are none.</summary>
    public static ProtoMessage? Read(ReadOnlySpan<byte> bytes, string kind, int depth = 0)
    {
        const int MaxDepth = 64;
        var message = new ProtoMessage(kind);
        while (!bytes.IsEmpty)
        {
            if (depth > MaxDepth || !TryVarint(ref bytes, out var tag) || tag >> 3 is 0 or > 0x1FFFFFFF) return null;
            var field = new ProtoField { Number = (int)(tag >> 3), Wire = (int)(tag & 7) };
            switch (field.Wire)
            {
                case 0:
                    if (!TryVarint(ref bytes, out var value)) return null;
                    field.Value = value;
                    break;
                case 1 or 5:
                    var width = field.Wire == 1 ? 8 : 4;
                    if (bytes.Length < width) return null;
                    field.Bytes = bytes[..width].ToArray();
                    bytes = bytes[width..];
                    break;
                case 2:
                    if (!TryVarint(ref bytes, out var length) || length > (ulong)bytes.Length) return null;
                    field.Bytes = bytes[..(int)length].ToArray();
                    bytes = bytes[(int)length..];
                    if (Kinds.TryGetValue((kind, field.Number), out var inner)) field.Message = Read(field.Bytes, inner, depth + 1);
                    break;
                default:
                    return null;
            }

            message.Fields.Add(field);
        }

        return message;
    }

    public byte[] Write()
    {
        var output = new MemoryStream();
        foreach (var field in Fields)
        {
            Varint(output, ((ulong)field.Number << 3) | (uint)field.Wire);
            if (field.Wire == 0)
            {
                Varint(output, field.Value);
                continue;
            }

            var bytes = field.Message?.Write() ?? field.Bytes;
            if (field.Wire == 2) Varint(output, (ulong)bytes.Length);
            output.Write(bytes);
        }

        return output.ToArray();
    }

    public ProtoMessage Copy()
    {
        var copy = new ProtoMessage(Kind);
        copy.Fields.AddRange(Fields.Select(static field => field.Copy()));
        return copy;
    }

    /// <summary>This message and all within it.</summary>
    public IEnumerable<ProtoMessage> All() =>
        Fields.Where(static field => field.Message is not null).SelectMany(static field => field.Message!.All()).Prepend(this);

    private static bool TryVarint(ref ReadOnlySpan<byte> bytes, out ulong value)
    {
        value = 0;
        for (var i = 0; i < Math.Min(bytes.Length, 10); i++)
        {
            value |= (ulong)(bytes[i] & 0x7F) << (7 * i);
            if (bytes[i] >= 0x80) continue;
            bytes = bytes[(i + 1)..];
            return true;
        }

        return false;
    }

    private static void Varint(MemoryStream output, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            output.WriteByte((byte)(value | 0x80));
        output.WriteByte((byte)value);
    }
}
