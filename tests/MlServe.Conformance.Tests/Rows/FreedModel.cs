using System.Text;
using MlServe.TestModels;

namespace MlServe.Cases;

/// <summary>A case's model as one that takes any sizes, so that each axis of each input can be tried as that of the rows.</summary>
internal static class FreedModel
{
    /// <summary>Frees all dimensions of the inputs, forgets what is declared of all else, and makes constants of some inputs.</summary>
    public static byte[] Of(byte[] model, IReadOnlyDictionary<string, RowTensor> constants)
    {
        var writer = new Writer();
        for (var field = new ProtoFields(model); field.Next();)
        {
            if (field.Number == 7) writer.Bytes(7, Graph(field.Bytes, constants));
            else writer.Copy(field);
        }

        return writer.ToArray();
    }

    private static byte[] Graph(ReadOnlySpan<byte> graph, IReadOnlyDictionary<string, RowTensor> constants)
    {
        var writer = new Writer();
        for (var field = new ProtoFields(graph); field.Next();)
        {
            if (field.Number == 13) continue;
            if (field.Number is not (11 or 12))
            {
                writer.Copy(field);
                continue;
            }

            var name = NameOf(field.Bytes);
            if (field.Number == 11 && constants.ContainsKey(name)) continue;
            writer.Bytes(field.Number, Value(field.Bytes, keepsRank: field.Number == 11));
        }

        foreach (var (name, tensor) in constants)
            writer.Bytes(5, Tensor(name, tensor));
        return writer.ToArray();
    }

    private static string NameOf(ReadOnlySpan<byte> value)
    {
        for (var field = new ProtoFields(value); field.Next();)
        {
            if (field.Number == 1) return Encoding.UTF8.GetString(field.Bytes);
        }

        return "";
    }

    private static byte[] Value(ReadOnlySpan<byte> value, bool keepsRank)
    {
        var writer = new Writer();
        for (var field = new ProtoFields(value); field.Next();)
        {
            if (field.Number == 2) writer.Bytes(2, Type(field.Bytes, keepsRank));
            else writer.Copy(field);
        }

        return writer.ToArray();
    }

    private static byte[] Type(ReadOnlySpan<byte> type, bool keepsRank)
    {
        var writer = new Writer();
        for (var field = new ProtoFields(type); field.Next();)
        {
            if (field.Number != 1)
            {
                writer.Copy(field);
                continue;
            }

            var tensor = new Writer();
            for (var part = new ProtoFields(field.Bytes); part.Next();)
            {
                if (part.Number != 2) tensor.Copy(part);
                else if (keepsRank) tensor.Bytes(2, FreeShape(part.Bytes));
            }

            writer.Bytes(1, tensor.ToArray());
        }

        return writer.ToArray();
    }

    private static byte[] FreeShape(ReadOnlySpan<byte> shape)
    {
        var writer = new Writer();
        for (var field = new ProtoFields(shape); field.Next();)
            writer.Bytes(1, []);
        return writer.ToArray();
    }

    private static byte[] Tensor(string name, RowTensor tensor)
    {
        var writer = new Writer();
        foreach (var size in tensor.Shape)
            writer.Integer(1, size);
        writer.Integer(2, (long)tensor.Type);
        foreach (var text in tensor.Texts)
            writer.Bytes(6, Encoding.UTF8.GetBytes(text));
        writer.Bytes(8, Encoding.UTF8.GetBytes(name));
        if (tensor.Texts.Length == 0) writer.Bytes(9, tensor.Bytes);
        return writer.ToArray();
    }

    private sealed class Writer
    {
        private readonly List<byte> _bytes = [];

        public byte[] ToArray() => [.. _bytes];

        public void Copy(in ProtoFields field)
        {
            if (field.HasLength) Bytes(field.Number, field.Bytes);
            else Integer(field.Number, (long)field.Value);
        }

        public void Integer(int field, long value)
        {
            Varint((ulong)(field << 3));
            Varint((ulong)value);
        }

        public void Bytes(int field, ReadOnlySpan<byte> value)
        {
            Varint((ulong)((field << 3) | 2));
            Varint((ulong)value.Length);
            _bytes.AddRange(value);
        }

        private void Varint(ulong value)
        {
            for (; value >= 0x80; value >>= 7)
                _bytes.Add((byte)(value | 0x80));
            _bytes.Add((byte)value);
        }
    }
}
