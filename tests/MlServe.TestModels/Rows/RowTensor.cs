using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace MlServe.TestModels;

/// <summary>A tensor whose rows can be taken out and put together.</summary>
/// <param name="Type">Of the elements.</param>
/// <param name="Bytes">The elements; empty for strings.</param>
/// <param name="Texts">The elements of a tensor of strings.</param>
/// <param name="Shape">Its dimensions.</param>
public sealed record RowTensor(TensorElementType Type, byte[] Bytes, string[] Texts, long[] Shape)
{
    /// <summary>How many elements there are.</summary>
    public int Count => Product(Shape);

    /// <summary>The bytes of an element.</summary>
    public int Width => WidthOf(Type);

    /// <summary>A tensor of floats.</summary>
    public static RowTensor Of(float[] values, params long[] shape) =>
        new(TensorElementType.Float, MemoryMarshal.AsBytes<float>(values).ToArray(), [], shape);

    /// <summary>A tensor of 64-bit integers.</summary>
    public static RowTensor Of(long[] values, params long[] shape) =>
        new(TensorElementType.Int64, MemoryMarshal.AsBytes<long>(values).ToArray(), [], shape);

    /// <summary>A tensor of 32-bit integers.</summary>
    public static RowTensor Of(int[] values, params long[] shape) =>
        new(TensorElementType.Int32, MemoryMarshal.AsBytes<int>(values).ToArray(), [], shape);

    /// <summary>A tensor of booleans.</summary>
    public static RowTensor Of(bool[] values, params long[] shape) =>
        new(TensorElementType.Bool, MemoryMarshal.AsBytes<bool>(values).ToArray(), [], shape);

    /// <summary>A tensor of strings.</summary>
    public static RowTensor Of(string[] values, params long[] shape) => new(TensorElementType.String, [], values, shape);

    /// <summary>The bytes of an element of a type; 0 for strings.</summary>
    public static int WidthOf(TensorElementType type) => type switch
    {
        TensorElementType.Double or TensorElementType.Int64 or TensorElementType.UInt64 => 8,
        TensorElementType.Float or TensorElementType.Int32 or TensorElementType.UInt32 => 4,
        TensorElementType.Float16 or TensorElementType.BFloat16 or TensorElementType.Int16 or TensorElementType.UInt16 => 2,
        TensorElementType.Int8 or TensorElementType.UInt8 or TensorElementType.Bool => 1,
        _ => 0,
    };

    /// <summary>Some places along an axis.</summary>
    public RowTensor Rows(int axis, int first, int count)
    {
        var (before, behind, rows) = (Product(Shape.AsSpan(0, axis)), Product(Shape.AsSpan(axis + 1)), (int)Shape[axis]);
        long[] shape = [.. Shape[..axis], count, .. Shape[(axis + 1)..]];
        if (Type == TensorElementType.String)
            return this with
            {
                Shape = shape,
                Texts = [.. Enumerable.Range(0, before)
                    .SelectMany(block => Texts.Skip(((block * rows) + first) * behind).Take(count * behind))],
            };
        var bytes = new byte[before * count * behind * Width];
        for (var block = 0; block < before; block++)
            Bytes.AsSpan(((block * rows) + first) * behind * Width, count * behind * Width)
                .CopyTo(bytes.AsSpan(block * count * behind * Width));
        return this with { Shape = shape, Bytes = bytes };
    }

    /// <summary>Tensors one behind the other along an axis.</summary>
    public static RowTensor Join(int axis, IReadOnlyList<RowTensor> parts)
    {
        var total = (int)parts.Sum(part => part.Shape[axis]);
        long[] shape = [.. parts[0].Shape[..axis], total, .. parts[0].Shape[(axis + 1)..]];
        var (before, behind) = (Product(shape.AsSpan(0, axis)), Product(shape.AsSpan(axis + 1)));
        var (bytes, texts) = (new List<byte>(), new List<string>());
        for (var block = 0; block < before; block++)
        {
            foreach (var part in parts)
            {
                var length = (int)part.Shape[axis] * behind;
                if (part.Type == TensorElementType.String) texts.AddRange(part.Texts.Skip(block * length).Take(length));
                else bytes.AddRange(part.Bytes.AsSpan(block * length * part.Width, length * part.Width));
            }
        }

        return parts[0] with { Shape = shape, Bytes = [.. bytes], Texts = [.. texts] };
    }

    /// <summary>An element as a number; 0 for strings.</summary>
    public double this[int index] => Type switch
    {
        TensorElementType.Float => MemoryMarshal.Cast<byte, float>(Bytes)[index],
        TensorElementType.Double => MemoryMarshal.Cast<byte, double>(Bytes)[index],
        TensorElementType.Float16 => (double)MemoryMarshal.Cast<byte, Half>(Bytes)[index],
        TensorElementType.BFloat16 => BitConverter.UInt32BitsToSingle((uint)MemoryMarshal.Cast<byte, ushort>(Bytes)[index] << 16),
        TensorElementType.Int64 => MemoryMarshal.Cast<byte, long>(Bytes)[index],
        TensorElementType.UInt64 => MemoryMarshal.Cast<byte, ulong>(Bytes)[index],
        TensorElementType.Int32 => MemoryMarshal.Cast<byte, int>(Bytes)[index],
        TensorElementType.UInt32 => MemoryMarshal.Cast<byte, uint>(Bytes)[index],
        TensorElementType.Int16 => MemoryMarshal.Cast<byte, short>(Bytes)[index],
        TensorElementType.UInt16 => MemoryMarshal.Cast<byte, ushort>(Bytes)[index],
        TensorElementType.Int8 => (sbyte)Bytes[index],
        TensorElementType.UInt8 or TensorElementType.Bool => Bytes[index],
        _ => 0,
    };

    /// <summary>The elements.</summary>
    public T[] ToArray<T>()
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(Bytes.AsSpan()).ToArray();

    internal static int Product(ReadOnlySpan<long> sizes)
    {
        var product = 1;
        foreach (var size in sizes)
            product *= (int)size;
        return product;
    }

    internal OrtValue ToOrtValue()
    {
        if (Type == TensorElementType.String)
        {
            var strings = OrtValue.CreateTensorWithEmptyStrings(OrtAllocator.DefaultInstance, Shape);
            for (var i = 0; i < Texts.Length; i++)
                strings.StringTensorSetElementAt(Texts[i].AsSpan(), i);
            return strings;
        }

        var value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, Type, Shape);
        if (Bytes.Length > 0) Bytes.CopyTo(value.GetTensorMutableRawData());
        return value;
    }

    internal static RowTensor From(OrtValue value)
    {
        var info = value.GetTensorTypeAndShape();
        var count = (int)info.ElementCount;
        if (info.ElementDataType == TensorElementType.String)
            return new(info.ElementDataType, [], [.. Enumerable.Range(0, count).Select(value.GetStringElement)], info.Shape);
        var width = WidthOf(info.ElementDataType);
        return new(info.ElementDataType, count == 0 ? [] : value.GetTensorDataAsSpan<byte>()[..(count * width)].ToArray(), [], info.Shape);
    }
}
