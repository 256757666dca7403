using System.Buffers.Binary;
using System.Text;

namespace MlServe.Onnx.Inspection;

/// <summary>Writes protobuf by hand, right or wrong.</summary>
public sealed class WireWriter
{
    private readonly List<byte> _bytes = [];

    public static implicit operator byte[](WireWriter writer) => writer.ToArray();

    public byte[] ToArray() => [.. _bytes];

    public WireWriter Raw(params byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public WireWriter Varint(ulong value)
    {
        while (value >= 0x80)
        {
            _bytes.Add((byte)(value | 0x80));
            value >>= 7;
        }

        _bytes.Add((byte)value);
        return this;
    }

    public WireWriter Tag(int field, int wireType) => Varint(((ulong)field << 3) | (uint)wireType);

    public WireWriter Int(int field, long value) => Tag(field, 0).Varint((ulong)value);

    public WireWriter Bytes(int field, params byte[] value) => Tag(field, 2).Varint((ulong)value.Length).Raw(value);

    public WireWriter Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    public WireWriter Message(int field, Action<WireWriter> write)
    {
        var message = new WireWriter();
        write(message);
        return Bytes(field, message);
    }

    public WireWriter Float(int field, float value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        return Tag(field, 5).Raw(bytes);
    }

    public WireWriter Double(int field, double value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        return Tag(field, 1).Raw(bytes);
    }

    public WireWriter PackedInts(int field, params long[] values)
    {
        var packed = new WireWriter();
        foreach (var value in values)
            packed.Varint((ulong)value);
        return Bytes(field, packed);
    }
}
