using System.Text.Unicode;

namespace MlServe.Onnx.Inspection;

/// <summary>
/// Steps over the fields of one protobuf message. It keeps the whole model and its own bounds, so that every offset in a refusal is one
/// in the file. <see cref="Next"/> moves to a field; then one of the readers, or <see cref="Skip"/>, must be called for its value.
/// </summary>
internal ref struct WireReader
{
    private const int MaxVarintLength = 10;

    private readonly ReadOnlySpan<byte> _model;
    private readonly string _message;
    private readonly int _end;
    private int _position;
    private ulong _messagesSeen;

    public WireReader(ReadOnlySpan<byte> model, string message)
        : this(model, message, 0, model.Length)
    {
    }

    private WireReader(ReadOnlySpan<byte> model, string message, int start, int end)
    {
        _model = model;
        _message = message;
        _position = start;
        _end = end;
        FieldOffset = start;
    }

    public int Field { get; private set; }

    public WireType Wire { get; private set; }

    /// <summary>The position of the field's tag in the model; before the first field, that of the message.</summary>
    public int FieldOffset { get; private set; }

    public readonly string Message => _message;

    public bool Next()
    {
        FieldOffset = _position;
        if (_position == _end)
            return false;
        var tag = Varint("a field's tag");
        Field = (int)(tag >> 3);
        Wire = (WireType)(tag & 7);
        if (tag > uint.MaxValue || Field == 0)
            throw Malformed($"field number {tag >> 3}", "a field number of 1 to 536870911");
        if (Wire is WireType.StartGroup or WireType.EndGroup)
            throw Malformed($"field {Field} as a group (wire type {(int)Wire})", "no groups, which ONNX does not use");
        if (Wire > WireType.Fixed32)
            throw Malformed($"field {Field} with wire type {(int)Wire}", "a wire type of 0, 1, 2 or 5");
        return true;
    }

    public void Skip()
    {
        switch (Wire)
        {
            case WireType.Varint:
                Varint($"field {Field}");
                break;
            case WireType.Fixed64:
                Take(sizeof(ulong), null);
                break;
            case WireType.Fixed32:
                Take(sizeof(uint), null);
                break;
            default:
                Delimited(null);
                break;
        }
    }

    public long Int64(string field)
    {
        Expect(WireType.Varint, field);
        return (long)Varint(field);
    }

    public ReadOnlySpan<byte> Bytes(string field)
    {
        Expect(WireType.LengthDelimited, field);
        return Delimited(field);
    }

    /// <summary>Valid UTF-8, still as bytes: most names are looked at and not kept.</summary>
    public ReadOnlySpan<byte> Text(string field)
    {
        var bytes = Bytes(field);
        return Utf8.IsValid(bytes)
            ? bytes
            : throw Malformed($"{field} {Refusal.Quote(bytes)}, which is not valid UTF-8", "UTF-8 text");
    }

    public ReadOnlySpan<byte> Name(string field, OnnxInspectionLimits limits)
    {
        var name = Text(field);
        return name.Length <= limits.MaxNameLength
            ? name
            : throw Refusal.TooLarge(
                FieldOffset, _message, $"{field} of {name.Length} bytes", nameof(limits.MaxNameLength), limits.MaxNameLength);
    }

    /// <summary>The position of a name in the model, for one that may be asked for later.</summary>
    public Range NamePlace(string field, OnnxInspectionLimits limits)
    {
        var length = Name(field, limits).Length;
        return (_position - length).._position;
    }

    public readonly ReadOnlySpan<byte> At(Range place) => _model[place];

    /// <summary>A message in a field that may be repeated.</summary>
    public WireReader Repeated(string field, string message)
    {
        Expect(WireType.LengthDelimited, field);
        var length = Delimited(field).Length;
        return new WireReader(_model, message, _position - length, _position);
    }

    /// <summary>A message in a field that may stand once.</summary>
    public WireReader Single(string field, string message)
    {
        var bit = 1UL << Field;
        if ((_messagesSeen & bit) != 0)
            throw Malformed($"{field} (field {Field}) a second time", "it once, as protobuf would merge the two");
        _messagesSeen |= bit;
        return Repeated(field, message);
    }

    /// <summary>How many integers a repeated field holds here: one by itself, or any number packed.</summary>
    public int CountVarints(string field)
    {
        if (Wire == WireType.Varint)
        {
            Varint(field);
            return 1;
        }

        var count = 0;
        var length = 0;
        foreach (var value in Bytes(field))
        {
            length++;
            if (length > MaxVarintLength)
                break;
            if (value < 0x80)
            {
                count++;
                length = 0;
            }
        }

        return length == 0
            ? count
            : throw Malformed($"{field} with an unfinished or overlong integer", "packed integers of 1 to 10 bytes each");
    }

    /// <summary>
    /// Adds the integers that a repeated field holds here, one by itself or any number packed, until the list has the most it may.
    /// </summary>
    /// <returns>How many the field holds, added or not.</returns>
    public int ReadVarints(string field, List<long> target, int most)
    {
        var inner = this;
        var count = CountVarints(field);
        if (Wire != WireType.Varint) inner.Varint(field);
        for (var i = 0; i < count && target.Count < most; i++)
            target.Add((long)inner.Varint(field));
        return count;
    }

    /// <summary>The bytes of the numbers of fixed width that a repeated field holds here: one by itself, or any number packed.</summary>
    public ReadOnlySpan<byte> FixedBytes(string field, WireType single)
    {
        var start = this;
        var count = CountFixed(field, single);
        var width = single == WireType.Fixed32 ? sizeof(uint) : sizeof(ulong);
        return Wire == single ? start.Take(width, field) : start.Bytes(field)[..(count * width)];
    }

    /// <summary>How many numbers of fixed width a repeated field holds here: one by itself, or any number packed.</summary>
    public int CountFixed(string field, WireType single)
    {
        var width = single == WireType.Fixed32 ? sizeof(uint) : sizeof(ulong);
        if (Wire == single)
        {
            Take(width, field);
            return 1;
        }

        var length = Bytes(field).Length;
        return length % width == 0
            ? length / width
            : throw Malformed($"{field} of {length} bytes", $"packed numbers of {width} bytes each");
    }

    public readonly ModelLoadException Malformed(string found, string expected) =>
        Refusal.Malformed(FieldOffset, _message, found, expected);

    private readonly void Expect(WireType wire, string field)
    {
        if (Wire != wire)
            throw Malformed($"{field} (field {Field}) with wire type {(int)Wire} ({Wire})", $"wire type {(int)wire} ({wire})");
    }

    private ReadOnlySpan<byte> Delimited(string? field)
    {
        var length = Varint(field ?? "a length");
        // Compared before it is narrowed: a length of 2^63 or 2^32 + 4 must not come out as a small one.
        return length <= (ulong)(_end - _position)
            ? Take((int)length, field)
            : throw Malformed(
                $"{field ?? "a value"} (field {Field}) that claims {length} bytes",
                $"at most the {_end - _position} bytes that are left in {_message}");
    }

    private ReadOnlySpan<byte> Take(int length, string? field)
    {
        if (length > _end - _position)
            throw Malformed($"{_end - _position} bytes of {field ?? "a value"} (field {Field})", $"{length} bytes");
        var taken = _model.Slice(_position, length);
        _position += length;
        return taken;
    }

    private ulong Varint(string field)
    {
        ulong value = 0;
        for (var i = 0; i < MaxVarintLength; i++)
        {
            if (_position == _end)
                throw Malformed($"the end of {_message} inside {field}", "the rest of an integer");
            var next = _model[_position++];
            value |= (ulong)(next & 0x7F) << (7 * i);
            if (next >= 0x80)
                continue;
            return i < MaxVarintLength - 1 || next <= 1
                ? value
                : throw Malformed($"{field} with an integer over 64 bits", "an integer of at most 64 bits");
        }

        throw Malformed($"{field} with an integer over {MaxVarintLength} bytes", $"an integer of at most {MaxVarintLength} bytes");
    }
}
