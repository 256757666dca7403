namespace MlServe.Onnx.Inspection;

/// <summary>Reads ValueInfoProto and TypeProto.</summary>
internal static class TypeReader
{
    public static OnnxValueInfo ReadValueInfo(WireReader reader, InspectionState state)
    {
        state.CountEntry(reader);
        ReadOnlySpan<byte> name = default;
        string? description = null;
        var type = OnnxValueType.Unknown;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    name = reader.Name("name", state.Limits);
                    break;
                case 2:
                    type = Read(reader.Single("type", "TypeProto"), state, depth: 0);
                    break;
                case 3:
                    description = state.KeepDescription(reader.Bytes("doc_string"));
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new OnnxValueInfo(state.Keep(name, reader), type, HasDefault: false) { Description = description };
    }

    private static OnnxValueType Read(WireReader reader, InspectionState state, int depth)
    {
        state.CheckDepth(reader, depth);
        OnnxValueType? type = null;
        while (reader.Next())
        {
            if (reader.Field is not (1 or 4 or 5 or 7 or 8 or 9))
            {
                reader.Skip();
                continue;
            }

            if (type is not null)
                throw reader.Malformed($"a second kind of value (field {reader.Field})", "one kind");
            type = reader.Field switch
            {
                1 => ReadTensor(reader.Repeated("tensor_type", "TypeProto.Tensor"), state, OnnxValueKind.Tensor),
                4 => ReadContainer(reader.Repeated("sequence_type", "TypeProto.Sequence"), state, OnnxValueKind.Sequence, depth),
                5 => ReadMap(reader.Repeated("map_type", "TypeProto.Map"), state, depth),
                8 => ReadTensor(reader.Repeated("sparse_tensor_type", "TypeProto.SparseTensor"), state, OnnxValueKind.SparseTensor),
                9 => ReadContainer(reader.Repeated("optional_type", "TypeProto.Optional"), state, OnnxValueKind.Optional, depth),
                _ => ReadOpaque(ref reader),
            };
        }

        return type ?? OnnxValueType.Unknown;
    }

    private static OnnxValueType ReadTensor(WireReader reader, InspectionState state, OnnxValueKind kind)
    {
        var elementType = OnnxElementType.Undefined;
        List<OnnxDimension>? dimensions = null;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    elementType = (OnnxElementType)(int)reader.Int64("elem_type");
                    break;
                case 2:
                    dimensions = ReadShape(reader.Single("shape", "TensorShapeProto"), state);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new OnnxValueType { Kind = kind, ElementType = elementType, Dimensions = dimensions?.AsReadOnly() };
    }

    private static OnnxValueType ReadContainer(WireReader reader, InspectionState state, OnnxValueKind kind, int depth)
    {
        var contained = OnnxValueType.Unknown;
        while (reader.Next())
        {
            if (reader.Field == 1)
                contained = Read(reader.Single("elem_type", "TypeProto"), state, depth + 1);
            else
                reader.Skip();
        }

        return new OnnxValueType { Kind = kind, Contained = contained };
    }

    private static OnnxValueType ReadMap(WireReader reader, InspectionState state, int depth)
    {
        var key = OnnxElementType.Undefined;
        var contained = OnnxValueType.Unknown;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    key = (OnnxElementType)(int)reader.Int64("key_type");
                    break;
                case 2:
                    contained = Read(reader.Single("value_type", "TypeProto"), state, depth + 1);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new OnnxValueType { Kind = OnnxValueKind.Map, ElementType = key, Contained = contained };
    }

    private static OnnxValueType ReadOpaque(ref WireReader reader)
    {
        reader.Bytes("opaque_type");
        return new OnnxValueType { Kind = OnnxValueKind.Opaque };
    }

    private static List<OnnxDimension> ReadShape(WireReader reader, InspectionState state)
    {
        var dimensions = new List<OnnxDimension>();
        while (reader.Next())
        {
            if (reader.Field == 1)
                dimensions.Add(ReadDimension(reader.Repeated("dim", "TensorShapeProto.Dimension"), state));
            else
                reader.Skip();
        }

        return dimensions;
    }

    private static OnnxDimension ReadDimension(WireReader reader, InspectionState state)
    {
        state.CountEntry(reader);
        var dimension = new OnnxDimension(null, null);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    // Old exporters write -1 where they mean "any".
                    var size = reader.Int64("dim_value");
                    dimension = new OnnxDimension(size < 0 ? null : size, null);
                    break;
                case 2:
                    var symbol = reader.Name("dim_param", state.Limits);
                    dimension = new OnnxDimension(null, symbol.IsEmpty ? null : state.Keep(symbol, reader));
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return dimension;
    }
}
