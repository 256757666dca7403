using System.IO.Hashing;
using System.Text;
using MlServe.Tensors;

namespace MlServe.Caching;

/// <summary>
/// An answer as bytes, for other processes. The bytes were written by somebody else, so they are checked at every step. The checks are the
/// version, the key that they were filed under, a checksum, all sizes, and the promise of the model's signature.
/// </summary>
internal static class AnswerFormat
{
    public const int Version = 1;

    private const uint Magic = 0x4C4D_0000 | Version;
    private const int ChecksumBytes = 16;
    private const int MaxDepth = 8;
    private const int MaxRank = 32;

    public static byte[] Write(string key, ReadOnlySpan<OutputValue> outputs, DateTimeOffset created)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream, Encoding.UTF8);
        writer.Write(Magic);
        WriteText(writer, key);
        writer.Write(created.ToUnixTimeMilliseconds());
        writer.Write(outputs.Length);
        foreach (var output in outputs)
            Write(writer, output);
        writer.Write(XxHash128.Hash(stream.GetBuffer().AsSpan(0, (int)stream.Length)));
        return stream.ToArray();
    }

    /// <summary>
    /// Reads an answer. False if it is not exactly what <see cref="Write(string, ReadOnlySpan{OutputValue}, DateTimeOffset)"/> makes of one
    /// that fits.
    /// </summary>
    public static bool TryRead(
        ReadOnlySpan<byte> bytes, string key, OutputSelection expected, out OutputValue[] outputs, out DateTimeOffset created)
    {
        outputs = [];
        created = default;
        if (bytes.Length < ChecksumBytes) return false;
        var content = bytes[..^ChecksumBytes];
        Span<byte> checksum = stackalloc byte[ChecksumBytes];
        XxHash128.Hash(content, checksum);
        if (!checksum.SequenceEqual(bytes[^ChecksumBytes..])) return false;

        var reader = new AnswerReader(content);
        if (!reader.TryRead(out uint magic) || magic != Magic) return false;
        if (!reader.TryReadText(out var filedUnder) || filedUnder != key) return false;
        if (!reader.TryRead(out long milliseconds) || milliseconds is < 0 or > 253_402_300_799_999) return false;
        if (!reader.TryRead(out int count) || count != expected.IndexSpan.Length) return false;

        var values = new OutputValue[count];
        for (var i = 0; i < count; i++)
        {
            var scratch = new OutputValue();
            try
            {
                if (!TryRead(ref reader, scratch, 0) || !Fits(scratch, expected.Signature.Outputs[expected.IndexSpan[i]])) return false;
                values[i] = scratch.Freeze();
            }
            finally
            {
                scratch.Clear();
            }
        }

        if (!reader.IsAtEnd) return false;
        outputs = values;
        created = DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
        return true;
    }

    private static bool Fits(OutputValue value, ValueSignature signature) =>
        value.Name == signature.Name
        && (signature.Kind == ValueKind.Optional || value.Kind == signature.Kind)
        && (signature.Kind != ValueKind.Tensor || value.ElementType == signature.ElementType);

    private static void Write(BinaryWriter writer, OutputValue value)
    {
        WriteText(writer, value.Name);
        writer.Write((byte)value.Kind);
        if (value.Kind != ValueKind.Tensor)
        {
            writer.Write(value.Length);
            writer.Write(value.Children.Count);
            foreach (var child in value.Children)
                Write(writer, child);
            return;
        }

        writer.Write((byte)value.ElementType);
        writer.Write(value.Rank);
        foreach (var size in value.Shape)
            writer.Write(size);
        if (value.ElementType != ElementType.String)
        {
            writer.Write(value.Bytes);
            return;
        }

        foreach (var text in value.Strings)
            WriteText(writer, text);
    }

    private static void WriteText(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write(bytes.Length);
        writer.Write(bytes);
    }

    private static bool TryRead(ref AnswerReader reader, OutputValue value, int depth)
    {
        if (!reader.TryReadText(out var name) || !reader.TryRead(out byte kind) || kind > (byte)ValueKind.Optional) return false;
        return (ValueKind)kind == ValueKind.Tensor
            ? TryReadTensor(ref reader, value, name)
            : depth < MaxDepth && TryReadComposite(ref reader, value, name, (ValueKind)kind, depth);
    }

    private static bool TryReadComposite(ref AnswerReader reader, OutputValue value, string name, ValueKind kind, int depth)
    {
        if (!reader.TryRead(out int length) || !reader.TryRead(out int children) || length < 0) return false;
        var expected = kind switch
        {
            ValueKind.Map => 2,
            ValueKind.Sequence => length,
            _ => 0,
        };

        // Each child takes some bytes, so a count beyond them is a lie.
        if (children != expected || children > reader.Left) return false;
        value.SetComposite(name, kind, length);
        for (var i = 0; i < children; i++)
        {
            var child = value.AddChild();
            if (!TryRead(ref reader, child, depth + 1)) return false;
            if (kind == ValueKind.Map && (child.Kind != ValueKind.Tensor || child.Length != length)) return false;
        }

        return true;
    }

    private static bool TryReadTensor(ref AnswerReader reader, OutputValue value, string name)
    {
        if (!reader.TryRead(out byte type) || !Enum.IsDefined((ElementType)type) || type == 0) return false;
        if (!reader.TryRead(out int rank) || rank is < 0 or > MaxRank) return false;
        Span<long> shape = stackalloc long[rank];
        foreach (ref var size in shape)
        {
            if (!reader.TryRead(out size)) return false;
        }

        // A text takes four bytes at the least.
        var isText = (ElementType)type == ElementType.String;
        var count = Shapes.Count(shape);
        var size1 = isText ? sizeof(int) : ElementTypes.SizeOf((ElementType)type);
        if (count < 0 || count > reader.Left / size1) return false;
        value.SetTensor(name, (ElementType)type, shape);
        if (!isText) return reader.TryReadBytes(value.Bytes);
        foreach (ref var text in value.Strings)
        {
            if (!reader.TryReadText(out var read)) return false;
            text = read;
        }

        return true;
    }
}
