namespace MlServe.Onnx.Inspection;

/// <summary>
/// The element types of ONNX tensors, with the numbers of <c>TensorProto.DataType</c>. A model newer than this list may hold a number
/// that is not in it; it is kept as it is.
/// </summary>
public enum OnnxElementType
{
    /// <summary>No type is given.</summary>
    Undefined = 0,

    /// <summary>32-bit IEEE 754 floating point.</summary>
    Float = 1,

    /// <summary>Unsigned 8-bit integer.</summary>
    UInt8 = 2,

    /// <summary>Signed 8-bit integer.</summary>
    Int8 = 3,

    /// <summary>Unsigned 16-bit integer.</summary>
    UInt16 = 4,

    /// <summary>Signed 16-bit integer.</summary>
    Int16 = 5,

    /// <summary>Signed 32-bit integer.</summary>
    Int32 = 6,

    /// <summary>Signed 64-bit integer.</summary>
    Int64 = 7,

    /// <summary>UTF-8 text.</summary>
    String = 8,

    /// <summary>True or false, one byte.</summary>
    Bool = 9,

    /// <summary>16-bit IEEE 754 floating point.</summary>
    Float16 = 10,

    /// <summary>64-bit IEEE 754 floating point.</summary>
    Double = 11,

    /// <summary>Unsigned 32-bit integer.</summary>
    UInt32 = 12,

    /// <summary>Unsigned 64-bit integer.</summary>
    UInt64 = 13,

    /// <summary>A pair of 32-bit floating point numbers.</summary>
    Complex64 = 14,

    /// <summary>A pair of 64-bit floating point numbers.</summary>
    Complex128 = 15,

    /// <summary>16-bit brain floating point: the upper half of <see cref="Float"/>.</summary>
    BFloat16 = 16,

    /// <summary>8-bit floating point, 4 bits of exponent and 3 of mantissa, no infinity.</summary>
    Float8E4M3FN = 17,

    /// <summary>As <see cref="Float8E4M3FN"/>, without a negative zero.</summary>
    Float8E4M3FNUZ = 18,

    /// <summary>8-bit floating point, 5 bits of exponent and 2 of mantissa.</summary>
    Float8E5M2 = 19,

    /// <summary>As <see cref="Float8E5M2"/>, without infinity and negative zero.</summary>
    Float8E5M2FNUZ = 20,

    /// <summary>Unsigned 4-bit integer, two in a byte.</summary>
    UInt4 = 21,

    /// <summary>Signed 4-bit integer, two in a byte.</summary>
    Int4 = 22,

    /// <summary>4-bit floating point, two in a byte.</summary>
    Float4E2M1 = 23,

    /// <summary>8-bit exponent without mantissa, used as a scale.</summary>
    Float8E8M0 = 24,

    /// <summary>Unsigned 2-bit integer, four in a byte.</summary>
    UInt2 = 25,

    /// <summary>Signed 2-bit integer, four in a byte.</summary>
    Int2 = 26,
}
