using System.Buffers.Binary;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Graphs;

/// <summary>The elements of small tensors, as ONNX lays them down.</summary>
internal static class TensorElements
{
    public static bool AreIntegers(OnnxElementType type) =>
        type is OnnxElementType.Int64 or OnnxElementType.Int32 or OnnxElementType.Int16 or OnnxElementType.Int8
        or OnnxElementType.UInt64 or OnnxElementType.UInt32 or OnnxElementType.UInt16 or OnnxElementType.UInt8 or OnnxElementType.Bool;

    public static bool AreNumbers(OnnxElementType type) =>
        type is OnnxElementType.Float or OnnxElementType.Double or OnnxElementType.Float16 or OnnxElementType.BFloat16;

    /// <summary>Adds the elements of raw_data; none if there are not exactly as many.</summary>
    public static void ReadRaw(ReadOnlySpan<byte> raw, OnnxElementType type, int count, List<long> integers, List<double> numbers)
    {
        var width = WidthOf(type);
        if (width == 0 || raw.Length != (long)count * width) return;
        for (var i = 0; i < count; i++)
        {
            var element = raw.Slice(i * width, width);
            if (AreIntegers(type)) integers.Add(Integer(element, type));
            else numbers.Add(Number(element, type));
        }
    }

    /// <summary>Makes numbers of the bits that int32_data has of 16-bit floats.</summary>
    public static void Convert(OnnxElementType type, List<long> integers, List<double> numbers)
    {
        if (type is OnnxElementType.Float16 or OnnxElementType.BFloat16)
        {
            foreach (var bits in integers)
            {
                numbers.Add(type == OnnxElementType.Float16
                    ? (double)BitConverter.UInt16BitsToHalf((ushort)bits)
                    : BitConverter.UInt32BitsToSingle((uint)(ushort)bits << 16));
            }
        }
    }

    private static int WidthOf(OnnxElementType type) => type switch
    {
        OnnxElementType.Int64 or OnnxElementType.UInt64 or OnnxElementType.Double => 8,
        OnnxElementType.Int32 or OnnxElementType.UInt32 or OnnxElementType.Float => 4,
        OnnxElementType.Int16 or OnnxElementType.UInt16 or OnnxElementType.Float16 or OnnxElementType.BFloat16 => 2,
        OnnxElementType.Int8 or OnnxElementType.UInt8 or OnnxElementType.Bool => 1,
        _ => 0,
    };

    private static long Integer(ReadOnlySpan<byte> element, OnnxElementType type) => type switch
    {
        OnnxElementType.Int64 or OnnxElementType.UInt64 => BinaryPrimitives.ReadInt64LittleEndian(element),
        OnnxElementType.Int32 => BinaryPrimitives.ReadInt32LittleEndian(element),
        OnnxElementType.UInt32 => BinaryPrimitives.ReadUInt32LittleEndian(element),
        OnnxElementType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(element),
        OnnxElementType.UInt16 => BinaryPrimitives.ReadUInt16LittleEndian(element),
        OnnxElementType.Int8 => (sbyte)element[0],
        OnnxElementType.Bool => element[0] == 0 ? 0 : 1,
        _ => element[0],
    };

    private static double Number(ReadOnlySpan<byte> element, OnnxElementType type) => type switch
    {
        OnnxElementType.Double => BinaryPrimitives.ReadDoubleLittleEndian(element),
        OnnxElementType.Float16 => (double)BinaryPrimitives.ReadHalfLittleEndian(element),
        OnnxElementType.BFloat16 => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(element) << 16),
        _ => BinaryPrimitives.ReadSingleLittleEndian(element),
    };
}
