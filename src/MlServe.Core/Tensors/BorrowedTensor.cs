using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MlServe.Tensors;

/// <summary>
/// Somebody else's elements, their type forgotten so that values of many types fit in one struct without boxing. The owner is an array, a
/// memory manager or a <see cref="Tensor{T}"/>; nothing is copied until the elements are read.
/// </summary>
internal readonly struct BorrowedTensor
{
    private readonly object? _owner;
    private readonly int _offset;

    private BorrowedTensor(ElementType type, object? owner, int offset, long length, long[]? shape)
    {
        Type = type;
        Length = length;
        Shape = shape;
        _owner = owner;
        _offset = offset;
    }

    public ElementType Type { get; }

    /// <summary>The number of elements.</summary>
    public long Length { get; }

    /// <summary>The bytes that the elements take; of a text its reference and two bytes a character.</summary>
    public long Bytes => CountBytes(out _);

    /// <inheritdoc cref="Bytes" />
    /// <param name="hasNull">Whether there is a null among texts.</param>
    public long CountBytes(out bool hasNull)
    {
        hasNull = false;
        if (Type != ElementType.String) return Length * ElementTypes.SizeOf(Type);
        var bytes = Length * sizeof(long);
        foreach (var text in AsSpan<string?>())
        {
            hasNull |= text is null;
            bytes += (text?.Length ?? 0) * (long)sizeof(char);
        }

        return bytes;
    }

    /// <summary>Whether reading the elements runs code of the caller's, which may throw, wait, or give others each time.</summary>
    public bool IsForeign => _owner is not (null or Array) && _owner is IPinnable;

    /// <summary>The shape that the owner gave, or null: a flat list whose shape follows from the model.</summary>
    public long[]? Shape { get; }

    public static BorrowedTensor From<T>(T[] values, long[]? shape) =>
        new(ElementTypes.Require<T>(), values, 0, values.Length, shape);

    public static BorrowedTensor From<T>(ReadOnlyMemory<T> values, long[]? shape)
    {
        var type = ElementTypes.Require<T>();
        if (MemoryMarshal.TryGetArray(values, out var segment))
            return new(type, segment.Array, segment.Offset, segment.Count, shape);
        if (MemoryMarshal.TryGetMemoryManager<T, MemoryManager<T>>(values, out var manager, out var start, out var length))
            return new(type, manager, start, length, shape);
        return new(type, values.ToArray(), 0, values.Length, shape);
    }

    public static BorrowedTensor From<T>(Tensor<T> tensor)
    {
        var shape = new long[tensor.Rank];
        for (var i = 0; i < shape.Length; i++)
            shape[i] = tensor.Lengths[i];
        return new(ElementTypes.Require<T>(), tensor, 0, tensor.FlattenedLength, shape);
    }

    /// <summary>Elements of a fixed size that lie in bytes.</summary>
    public static BorrowedTensor FromBytes(ElementType type, byte[] bytes, int count, long[]? shape) => new(type, bytes, 0, count, shape);

    /// <summary>Elements of a copy, until its owner lets go of them.</summary>
    public static BorrowedTensor FromOwned(ElementType type, OwnedElements owned, int count, long[]? shape) =>
        new(type, owned, 0, count, shape);

    /// <summary>Whether the owner of a copy has let go of it.</summary>
    public bool IsReleased => _owner is OwnedElements { IsReleased: true };

    /// <summary>The elements as they lie in memory, if they lie together; false for strings and for tensors with gaps.</summary>
    public bool TryGetBytes(out ReadOnlySpan<byte> bytes)
    {
        switch (_owner)
        {
            case Array array when Type != ElementType.String:
                var size = ElementTypes.SizeOf(Type);
                bytes = MemoryMarshal.CreateReadOnlySpan(
                    ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(array), (nint)_offset * size), checked((int)Length * size));
                return true;
            case null:
                bytes = default;
                return true;
            case OwnedElements owned when Type != ElementType.String:
                bytes = ((byte[])owned.Elements).AsSpan(0, checked((int)Length * ElementTypes.SizeOf(Type)));
                return true;
            default:
                bytes = default;
                return false;
        }
    }

    /// <summary>The elements as a span, without a copy if the owner allows it.</summary>
    /// <exception cref="UnreadableInputException">The owner is a memory manager that does not give them, or a copy that was
    /// disposed.</exception>
    public ReadOnlySpan<T> AsSpan<T>() => _owner switch
    {
        T[] array => array.AsSpan(_offset, (int)Length),
        byte[] bytes when ElementTypes.IsBlittable<T>() && ElementTypes.Of<T>() == Type =>
            MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<byte, T>(ref MemoryMarshal.GetArrayDataReference(bytes)), (int)Length),
        MemoryManager<T> manager => Read(manager),
        Tensor<T> tensor => Flatten(tensor),
        OwnedElements owned => Read<T>(owned.Elements),
        _ => default,
    };

    private ReadOnlySpan<T> Read<T>(Array owned) => owned switch
    {
        T[] array => array.AsSpan(0, (int)Length),
        byte[] bytes when ElementTypes.IsBlittable<T>() && ElementTypes.Of<T>() == Type =>
            MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<byte, T>(ref MemoryMarshal.GetArrayDataReference(bytes)), (int)Length),
        _ => default,
    };

    private ReadOnlySpan<T> Read<T>(MemoryManager<T> manager)
    {
        try
        {
            return manager.GetSpan().Slice(_offset, (int)Length);
        }
#pragma warning disable CA1031 // Code of the caller's: whatever it throws says that there is nothing to read.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            throw new UnreadableInputException(exception);
        }
    }

    private static ReadOnlySpan<T> Flatten<T>(Tensor<T> tensor)
    {
        // The tensor's own GetPinnableReference forgets where a slice begins; its span does not.
        var span = tensor.AsReadOnlyTensorSpan();
        if (span.IsDense && IsRowMajor(span))
            return MemoryMarshal.CreateReadOnlySpan(in span.GetPinnableReference(), (int)span.FlattenedLength);
        var flat = new T[span.FlattenedLength];
        span.FlattenTo(flat);
        return flat;
    }

    /// <summary>Whether the elements lie in memory in the order in which they are counted; a transposed tensor is dense as well.</summary>
    private static bool IsRowMajor<T>(in ReadOnlyTensorSpan<T> span)
    {
        nint expected = 1;
        for (var axis = span.Rank - 1; axis >= 0; axis--)
        {
            if (span.Lengths[axis] != 1 && span.Strides[axis] != expected) return false;
            expected *= span.Lengths[axis];
        }

        return true;
    }
}
