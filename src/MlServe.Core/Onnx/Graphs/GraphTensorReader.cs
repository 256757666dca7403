using System.Runtime.InteropServices;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Graphs;

/// <summary>Reads TensorProto and SparseTensorProto: type and dimensions of all, elements of small ones.</summary>
internal static class GraphTensorReader
{
    /// <summary>No operator takes as many axes.</summary>
    private const int MaxRank = 256;

    private const int External = 1;

    public static GraphTensor Read(WireReader reader, GraphReading reading)
    {
        reading.State.CountTensor(reader);
        var name = "";
        var type = OnnxElementType.Undefined;
        List<long> dims = [], integers = [];
        List<double> numbers = [];
        ReadOnlySpan<byte> raw = default;
        long given = 0;
        var isExternal = false;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    ReadDims(ref reader, dims);
                    break;
                case 2:
                    type = (OnnxElementType)(int)reader.Int64("data_type");
                    break;
                case 4:
                    foreach (var value in MemoryMarshal.Cast<byte, float>(reader.FixedBytes("float_data", WireType.Fixed32)))
                        Add(numbers, value, ref given);
                    break;
                case 5 or 7 or 11:
                    given += reader.ReadVarints("int32_data, int64_data or uint64_data", integers, OnnxGraph.MaxKeptValues);
                    break;
                case 8:
                    name = reading.Name(ref reader, "name");
                    break;
                case 9:
                    raw = reader.Bytes("raw_data");
                    break;
                case 10:
                    foreach (var value in MemoryMarshal.Cast<byte, double>(reader.FixedBytes("double_data", WireType.Fixed64)))
                        Add(numbers, value, ref given);
                    break;
                case 14:
                    isExternal = reader.Int64("data_location") == External;
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        var count = GraphTensor.CountOf(CollectionsMarshal.AsSpan(dims));
        var isKept = !isExternal && reading.TryKeep(count);
        if (isKept && !raw.IsEmpty) TensorElements.ReadRaw(raw, type, (int)count, integers, numbers);
        else if (isKept) TensorElements.Convert(type, integers, numbers);
        return new()
        {
            Name = name,
            ElementType = type,
            Dims = [.. dims],
            IsExternal = isExternal,
            Integers = isKept && TensorElements.AreIntegers(type) && integers.Count == count && (raw.IsEmpty ? given == count : given == 0)
                ? [.. integers]
                : null,
            Numbers = isKept && TensorElements.AreNumbers(type) && numbers.Count == count && (raw.IsEmpty ? given == count : given == 0)
                ? [.. numbers]
                : null,
        };
    }

    public static GraphTensor ReadSparse(WireReader reader, GraphReading reading)
    {
        GraphTensor? values = null;
        var isExternal = false;
        List<long> dims = [];
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    values = Read(reader.Single("values", "TensorProto"), reading);
                    break;
                case 2:
                    isExternal = Read(reader.Single("indices", "TensorProto"), reading).IsExternal;
                    break;
                case 3:
                    ReadDims(ref reader, dims);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new()
        {
            Name = values?.Name ?? "",
            ElementType = values?.ElementType ?? OnnxElementType.Undefined,
            Dims = [.. dims],
            IsExternal = isExternal || values?.IsExternal == true,
            IsSparse = true,
        };
    }

    private static void ReadDims(ref WireReader reader, List<long> dims)
    {
        reader.ReadVarints("dims", dims, MaxRank + 1);
        if (dims.Count > MaxRank) throw reader.Malformed($"a tensor of more than {MaxRank} dimensions", "fewer");
        if (dims.Exists(static dim => dim < 0))
            throw reader.Malformed($"a tensor with the dimension {dims.Find(static dim => dim < 0)}", "dimensions of 0 or more");
    }

    private static void Add(List<double> numbers, double value, ref long given)
    {
        given++;
        if (numbers.Count < OnnxGraph.MaxKeptValues) numbers.Add(value);
    }
}
