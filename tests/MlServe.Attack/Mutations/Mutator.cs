using System.Text;

namespace MlServe.Attack.Mutations;

/// <summary>
/// Makes of a valid model one that is a little wrong: as a file that was damaged, or as somebody would who knows the format.
/// </summary>
internal static class Mutator
{
    private static readonly long[] Numbers =
    [
        0, 1, 2, 3, 5, 7, 8, 16, 63, 64, 127, 128, 255, 256, 1000, 4095, 65535, 65536, 1_000_000, int.MaxValue, int.MaxValue - 1L,
        uint.MaxValue, 1L << 32, 1L << 40, 1L << 62, long.MaxValue, -1, -2, -3, -128, -1000, int.MinValue, long.MinValue, long.MinValue + 1,
    ];

    private static readonly float[] Singles = [0, -0f, 1, -1, 0.5f, 1e-30f, 1e30f, float.MaxValue, float.MinValue, float.NaN,
        float.PositiveInfinity, float.NegativeInfinity, 1e9f, -1e9f];

    private static readonly string[] Texts =
        ["", " ", "->", "i,j->", "ij,jk->ikz", "...i,...->...", "ii->i", "i->ii",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "SAME_UPPER", "VALID", "NOTSET", "linear", "cubic", "nearest",
            "reflect", "edge", "wrap", "DCR", "CRD", "bidirectional", "reverse", "forward", "LEFT", "RIGHT", "[", "(", ".*", "\0", "é",
            "%s%n"];

    /// <summary>Changes a model in one to four ways.</summary>
    public static byte[] Mutate(byte[] model, IReadOnlyList<byte[]> others, Random random)
    {
        if (random.Next(8) == 0) return Damage(model, random);
        if (ProtoMessage.Read(model, "Model") is not { } tree) return Damage(model, random);
        for (var changes = random.Next(4); changes >= 0; changes--)
            Change(tree, others, random);
        var bytes = tree.Write();
        return random.Next(16) == 0 ? Damage(bytes, random) : bytes;
    }

    /// <summary>What a bad disk or a broken download does.</summary>
    private static byte[] Damage(byte[] model, Random random)
    {
        if (random.Next(8) == 0) return model[..random.Next(1, model.Length)];
        byte[] bytes = [.. model];
        for (var flips = random.Next(1, 9); flips > 0; flips--)
        {
            if (random.Next(4) == 0) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            else bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
        }

        return bytes;
    }

    private static void Change(ProtoMessage tree, IReadOnlyList<byte[]> others, Random random)
    {
        // Attributes and small tensors decide most of what operators do.
        var messages = tree.All().ToList();
        var wanted = random.Next(10) switch { < 5 => "Attribute", < 7 => "Tensor", < 8 => "Node", < 9 => "Dimension", _ => "" };
        var candidates = messages.Where(message => message.Kind == wanted).ToList();
        var target = candidates.Count > 0 ? candidates[random.Next(candidates.Count)] : messages[random.Next(messages.Count)];
        if (target.Fields.Count == 0) return;
        var at = random.Next(target.Fields.Count);
        switch (random.Next(12))
        {
            case 0:
                target.Fields.RemoveAt(at);
                break;
            case 1:
                target.Fields.Insert(random.Next(target.Fields.Count + 1), target.Fields[at].Copy());
                break;
            case 2:
                Splice(target, at, messages, random);
                break;
            case 3:
                var other = ProtoMessage.Read(others[random.Next(others.Count)], "Model");
                if (other is not null) Splice(target, at, [.. other.All()], random);
                break;
            case 4 when target.Kind == "Node":
                Rename(target, random, others);
                break;
            default:
                Replace(target.Fields[at], target.Kind, random);
                break;
        }
    }

    /// <summary>Puts a field of another message of its kind into its place.</summary>
    private static void Splice(ProtoMessage target, int at, List<ProtoMessage> from, Random random)
    {
        var alike = from.Where(message => message.Kind == target.Kind && message.Fields.Count > 0).ToList();
        if (alike.Count == 0) return;
        var source = alike[random.Next(alike.Count)];
        var same = source.Fields.Where(field => field.Number == target.Fields[at].Number).ToList();
        target.Fields[at] = (same.Count > 0 && random.Next(3) > 0
            ? same[random.Next(same.Count)]
            : source.Fields[random.Next(source.Fields.Count)]).Copy();
    }

    /// <summary>Gives a node another operator.</summary>
    private static void Rename(ProtoMessage node, Random random, IReadOnlyList<byte[]> others)
    {
        if (ProtoMessage.Read(others[random.Next(others.Count)], "Model") is not { } other) return;
        var names = other.All()
            .Where(static message => message.Kind == "Node")
            .SelectMany(static message => message.Fields)
            .Where(static field => field.Number is 4).ToList();
        if (names.Count > 0 && node.Fields.Find(static field => field.Number == 4) is { } name)
            name.Bytes = names[random.Next(names.Count)].Bytes;
    }

    private static void Replace(ProtoField field, string kind, Random random)
    {
        if (field.Message is not null) return;
        switch (field.Wire)
        {
            case 0:
                field.Value = random.Next(3) == 0
                    ? field.Value + (ulong)random.NextInt64(-2, 3)
                    : (ulong)Numbers[random.Next(Numbers.Length)];
                break;
            case 1:
                field.Bytes = BitConverter.GetBytes((double)Singles[random.Next(Singles.Length)]);
                break;
            case 5:
                field.Bytes = BitConverter.GetBytes(Singles[random.Next(Singles.Length)]);
                break;
            case 2 when IsPacked(kind, field.Number):
                field.Bytes = Pack(Unpack(field.Bytes), random);
                break;
            case 2 when kind == "Tensor" && field.Number == 9 && field.Bytes.Length > 0:
                ReplaceElement(field, random);
                break;
            case 2:
                field.Bytes = random.Next(2) == 0
                    ? Encoding.UTF8.GetBytes(Texts[random.Next(Texts.Length)])
                    : Damage(field.Bytes.Length == 0 ? [0] : field.Bytes, random);
                break;
        }
    }

    /// <summary>Whether a field holds integers one behind the other.</summary>
    private static bool IsPacked(string kind, int field) => (kind, field) is ("Attribute", 8) or ("Tensor", 1 or 5 or 7 or 11);

    private static void ReplaceElement(ProtoField field, Random random)
    {
        byte[] bytes = [.. field.Bytes];
        var width = bytes.Length % 8 == 0 && random.Next(2) == 0 ? 8 : bytes.Length % 4 == 0 ? 4 : 1;
        var element = random.Next(bytes.Length / width) * width;
        byte[] value = width switch
        {
            8 => BitConverter.GetBytes(Numbers[random.Next(Numbers.Length)]),
            4 when random.Next(2) == 0 => BitConverter.GetBytes(Singles[random.Next(Singles.Length)]),
            4 => BitConverter.GetBytes((int)Numbers[random.Next(Numbers.Length)]),
            _ => [(byte)random.Next(256)],
        };
        value.CopyTo(bytes, element);
        field.Bytes = bytes;
    }

    private static List<long> Unpack(byte[] bytes)
    {
        var numbers = new List<long>();
        ulong value = 0;
        var shift = 0;
        foreach (var next in bytes)
        {
            if (shift < 64) value |= (ulong)(next & 0x7F) << shift;
            shift += 7;
            if (next >= 0x80) continue;
            numbers.Add((long)value);
            (value, shift) = (0, 0);
        }

        return numbers;
    }

    private static byte[] Pack(List<long> numbers, Random random)
    {
        switch (random.Next(6))
        {
            case 0:
                numbers.Add(Numbers[random.Next(Numbers.Length)]);
                break;
            case 1 when numbers.Count > 0:
                numbers.RemoveAt(random.Next(numbers.Count));
                break;
            case var _ when numbers.Count > 0:
                numbers[random.Next(numbers.Count)] = Numbers[random.Next(Numbers.Length)];
                break;
        }

        var message = new ProtoMessage("");
        message.Fields.AddRange(numbers.Select(static number => new ProtoField { Number = 1, Wire = 0, Value = (ulong)number }));
        var bytes = message.Write();

        // Each number with its tag, a byte, before it: only the numbers are packed.
        var packed = new List<byte>(bytes.Length);
        for (var i = 0; i < bytes.Length;)
        {
            i++;
            do packed.Add(bytes[i]);
            while (bytes[i++] >= 0x80);
        }

        return [.. packed];
    }
}
