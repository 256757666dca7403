namespace MlServe.Tensors;

/// <summary>Facts of each <see cref="ElementType"/>.</summary>
public static class ElementTypeExtensions
{
    /// <summary>The name that ONNX tools print: <c>float</c>, <c>int64</c>, <c>bfloat16</c>; <c>none</c> for no type.</summary>
    /// <param name="type">The type.</param>
    public static string ToOnnxName(this ElementType type) => ElementTypes.NameOf(type);

    /// <summary>The bytes that an element takes; 0 for strings, whose elements differ, and for no type.</summary>
    /// <param name="type">The type.</param>
    public static int SizeInBytes(this ElementType type) => ElementTypes.SizeOf(type);
}
