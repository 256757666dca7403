using MlServe.Onnx.Inspection;

namespace MlServe.Quantization.Samples;

/// <summary>The bytes of one element of the types that samples may have.</summary>
internal static class ElementSizes
{
    /// <summary>0 for a type that is not read from files.</summary>
    public static int Of(OnnxElementType type) => type switch
    {
        OnnxElementType.Bool or OnnxElementType.UInt8 or OnnxElementType.Int8 => 1,
        OnnxElementType.UInt16 or OnnxElementType.Int16 or OnnxElementType.Float16 or OnnxElementType.BFloat16 => 2,
        OnnxElementType.UInt32 or OnnxElementType.Int32 or OnnxElementType.Float => 4,
        OnnxElementType.UInt64 or OnnxElementType.Int64 or OnnxElementType.Double => 8,
        _ => 0,
    };

    /// <summary>Elements of a shape that fit into the memory of one array; null if they do not.</summary>
    public static long? BytesOf(OnnxElementType type, ReadOnlySpan<long> shape)
    {
        Int128 bytes = Of(type);
        foreach (var size in shape)
        {
            if (size < 0) return null;
            bytes *= size;
            if (bytes > Array.MaxLength) return null;
        }

        return (long)bytes;
    }
}
