using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Google.Protobuf;
using MlServe.Quantization.Proto;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Model;

/// <summary>Reads and makes tensors, in whichever of the format's fields their elements lie.</summary>
internal static class TensorData
{
    public static DataType TypeOf(TensorProto tensor) => (DataType)tensor.DataType;

    /// <summary>The number of elements that the shape gives; negative sizes and overflow are faults of the file.</summary>
    public static long CountOf(TensorProto tensor)
    {
        long count = 1;
        foreach (var size in tensor.Dims)
        {
            if (size < 0) throw Malformed(tensor, $"has an axis of size {size}");
            count = checked(count * size);
        }

        return count;
    }

    public static int[] ShapeOf(TensorProto tensor) => [.. tensor.Dims.Select(static size => checked((int)size))];

    /// <summary>The elements of a float tensor.</summary>
    public static float[] Floats(TensorProto tensor)
    {
        if (TypeOf(tensor) != DataType.Float) throw Malformed(tensor, $"is {TypeOf(tensor)}, not float");
        var count = CountOf(tensor);
        if (tensor.HasRawData || (tensor.FloatData.Count == 0 && count == 0))
        {
            RequireRaw(tensor, count, sizeof(float));
            var values = new float[count];
            if (BitConverter.IsLittleEndian)
            {
                MemoryMarshal.Cast<byte, float>(tensor.RawData.Span).CopyTo(values);
            }
            else
            {
                for (var i = 0; i < values.Length; i++)
                    values[i] = BinaryPrimitives.ReadSingleLittleEndian(tensor.RawData.Span[(i * sizeof(float))..]);
            }

            return values;
        }

        if (tensor.FloatData.Count != count) throw Malformed(tensor, $"has {tensor.FloatData.Count} elements, its shape has {count}");
        return [.. tensor.FloatData];
    }

    /// <summary>The elements of an int32 or int64 tensor.</summary>
    public static long[] Integers(TensorProto tensor)
    {
        var count = CountOf(tensor);
        switch (TypeOf(tensor))
        {
            case DataType.Int64 when tensor.HasRawData:
                RequireRaw(tensor, count, sizeof(long));
                return [.. Enumerable.Range(0, (int)count)
                    .Select(i => BinaryPrimitives.ReadInt64LittleEndian(tensor.RawData.Span[(i * sizeof(long))..]))];
            case DataType.Int32 when tensor.HasRawData:
                RequireRaw(tensor, count, sizeof(int));
                return [.. Enumerable.Range(0, (int)count)
                    .Select(i => (long)BinaryPrimitives.ReadInt32LittleEndian(tensor.RawData.Span[(i * sizeof(int))..]))];
            case DataType.Int64 when tensor.Int64Data.Count == count:
                return [.. tensor.Int64Data];
            case DataType.Int32 when tensor.Int32Data.Count == count:
                return [.. tensor.Int32Data.Select(static value => (long)value)];
            default:
                throw Malformed(tensor, $"of type {TypeOf(tensor)} has not the {count} elements of its shape");
        }
    }

    public static TensorProto Make(string name, ReadOnlySpan<float> values, params ReadOnlySpan<long> shape) =>
        Make(name, DataType.Float, LittleEndian(values), shape);

    public static TensorProto Make(string name, ReadOnlySpan<sbyte> values, params ReadOnlySpan<long> shape) =>
        Make(name, DataType.Int8, MemoryMarshal.AsBytes(values), shape);

    public static TensorProto Make(string name, ReadOnlySpan<byte> values, params ReadOnlySpan<long> shape) =>
        Make(name, DataType.Uint8, values, shape);

    public static TensorProto Make(string name, ReadOnlySpan<int> values, params ReadOnlySpan<long> shape) =>
        Make(name, DataType.Int32, LittleEndian(values), shape);

    public static TensorProto Make(string name, ReadOnlySpan<long> values, params ReadOnlySpan<long> shape) =>
        Make(name, DataType.Int64, LittleEndian(values), shape);

    public static TensorProto Scalar(string name, float value) => Make(name, [value]);

    public static TensorProto Make(string name, DataType type, ReadOnlySpan<byte> littleEndian, ReadOnlySpan<long> shape)
    {
        var tensor = new TensorProto { Name = name, DataType = (int)type, RawData = ByteString.CopyFrom(littleEndian) };
        foreach (var size in shape)
            tensor.Dims.Add(size);
        return tensor;
    }

    private static ReadOnlySpan<byte> LittleEndian<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        if (BitConverter.IsLittleEndian) return MemoryMarshal.AsBytes(values);
        var bytes = MemoryMarshal.AsBytes(values).ToArray();
        var size = bytes.Length / Math.Max(1, values.Length);
        for (var start = 0; start < bytes.Length; start += size)
            bytes.AsSpan(start, size).Reverse();
        return bytes;
    }

    private static void RequireRaw(TensorProto tensor, long count, int size)
    {
        if (tensor.RawData.Length != checked(count * size))
            throw Malformed(tensor, $"has {tensor.RawData.Length} bytes, its shape needs {count * size}");
    }

    private static QuantizationException Malformed(TensorProto tensor, string what) =>
        new(QuantizationFailure.Unreadable, $"Tensor '{tensor.Name}' {what}. The file is damaged, or was written by a faulty exporter.");
}
