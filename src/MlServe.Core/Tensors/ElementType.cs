namespace MlServe.Tensors;

/// <summary>
/// The type of a tensor's elements. The numbers are those of <c>TensorProto.DataType</c> in the ONNX specification. Types that the
/// runtime's C# API does not take have no name here and are refused at load. They are complex numbers, 8-bit and smaller floats, and 4-bit
/// and smaller integers.
/// </summary>
public enum ElementType
{
    /// <summary>No element type: the value is not a tensor.</summary>
    None = 0,

    /// <summary>IEEE 754 single precision, <see cref="float"/>.</summary>
    Float = 1,

    /// <summary><see cref="byte"/>.</summary>
    UInt8 = 2,

    /// <summary><see cref="sbyte"/>.</summary>
    Int8 = 3,

    /// <summary><see cref="ushort"/>.</summary>
    UInt16 = 4,

    /// <summary><see cref="short"/>.</summary>
    Int16 = 5,

    /// <summary><see cref="int"/>.</summary>
    Int32 = 6,

    /// <summary><see cref="long"/>.</summary>
    Int64 = 7,

    /// <summary><see cref="string"/>, UTF-8 inside the runtime.</summary>
    String = 8,

    /// <summary><see cref="bool"/>, one byte an element.</summary>
    Bool = 9,

    /// <summary>IEEE 754 half precision, <see cref="Half"/>.</summary>
    Float16 = 10,

    /// <summary>IEEE 754 double precision, <see cref="double"/>.</summary>
    Double = 11,

    /// <summary><see cref="uint"/>.</summary>
    UInt32 = 12,

    /// <summary><see cref="ulong"/>.</summary>
    UInt64 = 13,

    /// <summary>The upper 16 bits of a single, <see cref="Tensors.BFloat16"/>.</summary>
    BFloat16 = 16,
}
