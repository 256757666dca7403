using System.Buffers.Binary;

namespace MlServe.Cases;

/// <summary>
/// Walks the fields of a protobuf message. The files are the ONNX project's own, so that a fault in one is a bug here and throws.
/// </summary>
internal ref struct ProtoFields(ReadOnlySpan<byte> message)
{
    private ReadOnlySpan<byte> _rest = message;

    /// <summary>The number of the field.</summary>
    public int Number { get; private set; }

    /// <summary>The field's bytes where it has a length: text, a message, packed numbers.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    /// <summary>The field's value where it has none.</summary>
    public ulong Value { get; private set; }

    /// <summary>Whether <see cref="Bytes"/> counts, and not <see cref="Value"/>.</summary>
    public bool HasLength { get; private set; }

    public bool Next()
    {
        if (_rest.IsEmpty) return false;
        var tag = ReadVarint(ref _rest);
        Number = (int)(tag >> 3);
        HasLength = (tag & 7) == 2;
        switch (tag & 7)
        {
            case 0:
                Value = ReadVarint(ref _rest);
                break;
            case 1:
                Value = BinaryPrimitives.ReadUInt64LittleEndian(_rest);
                _rest = _rest[8..];
                break;
            case 2:
                var length = (int)ReadVarint(ref _rest);
                Bytes = _rest[..length];
                _rest = _rest[length..];
                break;
            case 5:
                Value = BinaryPrimitives.ReadUInt32LittleEndian(_rest);
                _rest = _rest[4..];
                break;
            default:
                throw new InvalidDataException($"Field {Number} has the wire type {tag & 7}.");
        }

        return true;
    }

    /// <summary>Adds the integers of a repeated field, packed or one by one.</summary>
    public readonly void AddIntegersTo(List<long> list)
    {
        if (!HasLength) list.Add((long)Value);
        for (var packed = HasLength ? Bytes : default; !packed.IsEmpty;)
            list.Add((long)ReadVarint(ref packed));
    }

    /// <summary>Adds the values of a repeated field of 4 or 8 bytes each, packed or one by one.</summary>
    public readonly void AddFixedTo(List<ulong> list, int size)
    {
        if (!HasLength) list.Add(Value);
        for (var packed = HasLength ? Bytes : default; !packed.IsEmpty; packed = packed[size..])
            list.Add(size == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(packed) : BinaryPrimitives.ReadUInt64LittleEndian(packed));
    }

    private static ulong ReadVarint(ref ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var next = bytes[0];
            bytes = bytes[1..];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return value;
        }
    }
}
