using System.Runtime.CompilerServices;

namespace MlServe.Tensors;

/// <summary>The facts about each element type: its .NET type, its size, its name.</summary>
internal static class ElementTypes
{
    public static ElementType Of<T>() => Cache<T>.Value;

    /// <summary>Bytes an element; 0 for strings, whose elements are references.</summary>
    public static int SizeOf(ElementType type) => type switch
    {
        ElementType.Float or ElementType.Int32 or ElementType.UInt32 => 4,
        ElementType.Double or ElementType.Int64 or ElementType.UInt64 => 8,
        ElementType.Float16 or ElementType.BFloat16 or ElementType.Int16 or ElementType.UInt16 => 2,
        ElementType.UInt8 or ElementType.Int8 or ElementType.Bool => 1,
        _ => 0,
    };

    /// <summary>The name that ONNX tools print: <c>float</c>, <c>int64</c>, <c>bfloat16</c>.</summary>
    public static string NameOf(ElementType type) => type switch
    {
        ElementType.Float => "float",
        ElementType.UInt8 => "uint8",
        ElementType.Int8 => "int8",
        ElementType.UInt16 => "uint16",
        ElementType.Int16 => "int16",
        ElementType.Int32 => "int32",
        ElementType.Int64 => "int64",
        ElementType.String => "string",
        ElementType.Bool => "bool",
        ElementType.Float16 => "float16",
        ElementType.Double => "double",
        ElementType.UInt32 => "uint32",
        ElementType.UInt64 => "uint64",
        ElementType.BFloat16 => "bfloat16",
        _ => "none",
    };

    /// <summary>The C# type that carries an element, for messages: <c>float</c>, <c>long</c>, <c>Half</c>.</summary>
    public static string ClrNameOf(ElementType type) => type switch
    {
        ElementType.UInt8 => "byte",
        ElementType.Int8 => "sbyte",
        ElementType.UInt16 => "ushort",
        ElementType.Int16 => "short",
        ElementType.Int32 => "int",
        ElementType.Int64 => "long",
        ElementType.Float16 => "Half",
        ElementType.UInt32 => "uint",
        ElementType.UInt64 => "ulong",
        ElementType.BFloat16 => "BFloat16",
        _ => NameOf(type),
    };

    public static ElementType Require<T>()
    {
        var type = Of<T>();
        if (type == ElementType.None)
        {
            throw new NotSupportedException(
                $"Tensors of {typeof(T)} are not supported. "
                + "Use float, double, Half, BFloat16, bool, string or an integer of 8 to 64 bits.");
        }

        return type;
    }

    private static class Cache<T>
    {
        public static readonly ElementType Value = Find();

        private static ElementType Find()
        {
            if (typeof(T) == typeof(float)) return ElementType.Float;
            if (typeof(T) == typeof(double)) return ElementType.Double;
            if (typeof(T) == typeof(Half)) return ElementType.Float16;
            if (typeof(T) == typeof(BFloat16)) return ElementType.BFloat16;
            if (typeof(T) == typeof(byte)) return ElementType.UInt8;
            if (typeof(T) == typeof(sbyte)) return ElementType.Int8;
            if (typeof(T) == typeof(ushort)) return ElementType.UInt16;
            if (typeof(T) == typeof(short)) return ElementType.Int16;
            if (typeof(T) == typeof(uint)) return ElementType.UInt32;
            if (typeof(T) == typeof(int)) return ElementType.Int32;
            if (typeof(T) == typeof(ulong)) return ElementType.UInt64;
            if (typeof(T) == typeof(long)) return ElementType.Int64;
            if (typeof(T) == typeof(bool)) return ElementType.Bool;
            if (typeof(T) == typeof(string)) return ElementType.String;
            return ElementType.None;
        }
    }

    /// <summary>Whether a <typeparamref name="T"/> can be read as bytes.</summary>
    public static bool IsBlittable<T>() => !RuntimeHelpers.IsReferenceOrContainsReferences<T>();
}
