namespace MlServe.Onnx.Inspection;

/// <summary>
/// Reads TensorProto and SparseTensorProto: how much is there; dimensions that claim more are refused, because the runtime makes room for
/// what they claim.
/// </summary>
internal static class TensorReader
{
    private const int External = 1;

    // Far beyond what operators take, and enough to write down any size.
    private const int MaxRank = 64;
    private const int SmallClaim = 4096;

    public static TensorSummary Read(WireReader reader, InspectionState state)
    {
        state.CountTensor(reader);
        var external = new ExternalEntries();
        var type = OnnxElementType.Undefined;
        var name = default(Range);
        var isExternal = false;
        var hasRaw = false;
        long raw = 0, text = 0, texts = 0, int32s = 0, uint64s = 0, fixedBytes = 0;
        state.Dims.Clear();
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    reader.ReadVarints("dims", state.Dims, MaxRank + 1);
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
                    texts++;
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
                    hasRaw = true;
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
        if (!isExternal) CheckClaim(type, hasRaw ? raw : type == OnnxElementType.String ? texts * 8 : bytes, state, reader);
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

    private static void CheckClaim(OnnxElementType type, long bytes, InspectionState state, in WireReader reader)
    {
        if (state.Dims.Count > MaxRank) throw reader.Malformed($"a tensor of more than {MaxRank} dimensions", "fewer");
        var claimed = (double)BitsOf(type) / 8;
        foreach (var dim in state.Dims)
        {
            if (dim < 0) throw reader.Malformed($"a tensor with the dimension {dim}", "dimensions of 0 or more");
            claimed *= dim;
        }

        // Of a page or less the runtime says itself what is wrong.
        if (claimed > Math.Max(bytes, SmallClaim))
            throw reader.Malformed(
                $"a tensor of [{string.Join(',', state.Dims)}] with {bytes} bytes of elements",
                $"the {Math.Ceiling(claimed)} bytes that its dimensions claim");
    }

    // The least that an element takes in any of the fields; 0 where the type is not known. A text counts as 8 bytes, however long.
    private static int BitsOf(OnnxElementType type) => type switch
    {
        OnnxElementType.Undefined => 0,
        OnnxElementType.Double or OnnxElementType.Int64 or OnnxElementType.UInt64 or OnnxElementType.Complex64 or OnnxElementType.String =>
            64,
        OnnxElementType.Float or OnnxElementType.Int32 or OnnxElementType.UInt32 => 32,
        OnnxElementType.Float16 or OnnxElementType.BFloat16 or OnnxElementType.Int16 or OnnxElementType.UInt16 => 16,
        OnnxElementType.Complex128 => 128,
        OnnxElementType.Bool or OnnxElementType.Int8 or OnnxElementType.UInt8 => 8,
        OnnxElementType.Int4 or OnnxElementType.UInt4 => 4,
        _ => 2,
    };

    // int32_data also carries every narrower type, one element an integer (two or four, packed in a byte, of 4 and 2 bits).
    private static int Int32DataWidth(OnnxElementType type) => type switch
    {
        OnnxElementType.Undefined or OnnxElementType.Int32 => 4,
        OnnxElementType.Int16 or OnnxElementType.UInt16 or OnnxElementType.Float16 or OnnxElementType.BFloat16 => 2,
        _ => 1,
    };

    private static int Uint64DataWidth(OnnxElementType type) => type == OnnxElementType.UInt32 ? 4 : 8;
}
