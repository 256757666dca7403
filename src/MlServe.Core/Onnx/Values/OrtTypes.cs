using Microsoft.ML.OnnxRuntime.Tensors;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>Element types between the runtime's numbering and ours.</summary>
internal static class OrtTypes
{
    public static ElementType FromOrt(TensorElementType type) => type switch
    {
        TensorElementType.Float => ElementType.Float,
        TensorElementType.UInt8 => ElementType.UInt8,
        TensorElementType.Int8 => ElementType.Int8,
        TensorElementType.UInt16 => ElementType.UInt16,
        TensorElementType.Int16 => ElementType.Int16,
        TensorElementType.Int32 => ElementType.Int32,
        TensorElementType.Int64 => ElementType.Int64,
        TensorElementType.String => ElementType.String,
        TensorElementType.Bool => ElementType.Bool,
        TensorElementType.Float16 => ElementType.Float16,
        TensorElementType.Double => ElementType.Double,
        TensorElementType.UInt32 => ElementType.UInt32,
        TensorElementType.UInt64 => ElementType.UInt64,
        TensorElementType.BFloat16 => ElementType.BFloat16,
        _ => ElementType.None,
    };

    public static TensorElementType ToOrt(ElementType type) => type switch
    {
        ElementType.Float => TensorElementType.Float,
        ElementType.UInt8 => TensorElementType.UInt8,
        ElementType.Int8 => TensorElementType.Int8,
        ElementType.UInt16 => TensorElementType.UInt16,
        ElementType.Int16 => TensorElementType.Int16,
        ElementType.Int32 => TensorElementType.Int32,
        ElementType.Int64 => TensorElementType.Int64,
        ElementType.String => TensorElementType.String,
        ElementType.Bool => TensorElementType.Bool,
        ElementType.Float16 => TensorElementType.Float16,
        ElementType.Double => TensorElementType.Double,
        ElementType.UInt32 => TensorElementType.UInt32,
        ElementType.UInt64 => TensorElementType.UInt64,
        ElementType.BFloat16 => TensorElementType.BFloat16,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Not a tensor's element type."),
    };
}
