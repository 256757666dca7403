using System.Runtime.InteropServices;

namespace MlServe.Tensors;

/// <summary>Reads a borrowed tensor of any fixed-size type as bytes.</summary>
internal static class TypedBytes
{
    public static ReadOnlySpan<byte> Of(scoped in BorrowedTensor tensor)
    {
        if (tensor.TryGetBytes(out var bytes)) return bytes;
        return tensor.Type switch
        {
            ElementType.Float => Cast<float>(tensor),
            ElementType.Double => Cast<double>(tensor),
            ElementType.Float16 => Cast<Half>(tensor),
            ElementType.BFloat16 => Cast<BFloat16>(tensor),
            ElementType.UInt8 => Cast<byte>(tensor),
            ElementType.Int8 => Cast<sbyte>(tensor),
            ElementType.UInt16 => Cast<ushort>(tensor),
            ElementType.Int16 => Cast<short>(tensor),
            ElementType.UInt32 => Cast<uint>(tensor),
            ElementType.Int32 => Cast<int>(tensor),
            ElementType.UInt64 => Cast<ulong>(tensor),
            ElementType.Int64 => Cast<long>(tensor),
            ElementType.Bool => Cast<bool>(tensor),
            _ => throw new InvalidOperationException($"Elements of type {ElementTypes.NameOf(tensor.Type)} have no bytes."),
        };
    }

    private static ReadOnlySpan<byte> Cast<T>(scoped in BorrowedTensor tensor)
        where T : struct => MemoryMarshal.AsBytes(tensor.AsSpan<T>());
}
