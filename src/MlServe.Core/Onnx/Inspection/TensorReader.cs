namespace MlServe.Onnx.Inspection;

/// <summary>Reads TensorProto and SparseTensorProto: how much is there, never what the dimensions claim.</summary>
internal static class TensorReader
{
    private const int External = 1;

    public static TensorSummary Read(WireReader reader, InspectionState state)
    {
        state.CountTensor(reader);
        var external = new ExternalEntries();
        var type = OnnxElementType.Undefined;
        var name = default(Range);
        var isExternal = false;
        long raw = 0, text = 0, int32s = 0, uint64s = 0, fixedBytes = 0;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    reader.CountVarints("dims");
                    break;
                case 2:
                    type = (OnnxElementType)(int)reader.Int64("data_type");
                    break;
                case 4:
                    fixedBytes += (long)sizeof(float) * reader.CountFixed("float_data", WireType.Fixed32);
                    break;
                case 5:
                    int32s += reader.CountVarints("int32_data");
                    break;
                case 6:
                    text += reader.Bytes("string_data").Length;
                    break;
                case 7:
                    fixedBytes += (long)sizeof(long) * reader.CountVarints("int64_data");
                    break;
                case 8:
                    name = reader.NamePlace("name", state.Limits);
                    break;
                case 9:
                    // Of a field given twice the last counts, as in protobuf.
                    raw = reader.Bytes("raw_data").Length;
                    break;
                case 10:
                    fixedBytes += (long)sizeof(double) * reader.CountFixed("double_data", WireType.Fixed64);
                    break;
                case 11:
                    uint64s += reader.CountVarints("uint64_data");
                    break;
                case 13:
                    external.Add(reader.Repeated("external_data", "StringStringEntryProto"));
                    break;
                case 14:
                    isExternal = reader.Int64("data_location") == External;
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        // A tensor that was external once may keep the entries; the location alone says whether they count.
        if (isExternal)
        {
            state.CountEntry(reader);
            state.ExternalData.Add(external.ToReference(reader.At(name), state, reader));
        }

        var bytes = raw + text + fixedBytes + (int32s * Int32DataWidth(type)) + (uint64s * Uint64DataWidth(type));
        return new TensorSummary(type, bytes, name);
    }

    public static TensorSummary ReadSparse(WireReader reader, InspectionState state)
    {
        TensorSummary values = default, indices = default;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    values = Read(reader.Single("values", "TensorProto"), state);
                    break;
                case 2:
                    indices = Read(reader.Single("indices", "TensorProto"), state);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return values with { Bytes = values.Bytes + indices.Bytes };
    }

    // int32_data also carries every narrower type, one element an integer (two or four, packed in a byte, of 4 and 2 bits).
    private static int Int32DataWidth(OnnxElementType type) => type switch
    {
        OnnxElementType.Undefined or OnnxElementType.Int32 => 4,
        OnnxElementType.Int16 or OnnxElementType.UInt16 or OnnxElementType.Float16 or OnnxElementType.BFloat16 => 2,
        _ => 1,
    };

    private static int Uint64DataWidth(OnnxElementType type) => type == OnnxElementType.UInt32 ? 4 : 8;
}
