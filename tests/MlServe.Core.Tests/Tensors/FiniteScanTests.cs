using System.Runtime.InteropServices;

namespace MlServe.Tensors;

/// <summary>The vectorized look against one that takes each element by itself.</summary>
public sealed class FiniteScanTests
{
    private static readonly NonFiniteValues[] Kinds =
        [NonFiniteValues.NaN, NonFiniteValues.PositiveInfinity, NonFiniteValues.NegativeInfinity];

    private static readonly ElementType[] Types = [ElementType.Float, ElementType.Double, ElementType.Float16, ElementType.BFloat16];

    [Fact]
    public void IndexOf_EachTypeKindPlaceAndLength_FindsTheFirstThatIsForbidden()
    {
        foreach (var type in Types)
        {
            for (var length = 0; length <= 140; length++)
            {
                var bytes = Finite(type, length);
                Assert.Equal(-1, FiniteScan.IndexOf(type, bytes));
                Assert.Equal(NonFiniteValues.None, FiniteScan.KindsOf(type, bytes));
                foreach (var kind in Kinds)
                {
                    for (var place = 0; place < length; place++)
                    {
                        var spoilt = (byte[])bytes.Clone();
                        Put(spoilt, type, place, kind);
                        Assert.Equal(place, FiniteScan.IndexOf(type, spoilt));
                        Assert.Equal(kind, FiniteScan.KindOf(type, spoilt, place));
                        Assert.Equal(kind, FiniteScan.KindsOf(type, spoilt));
                        Assert.Equal(-1, FiniteScan.IndexOf(type, spoilt, kind));
                        Assert.Equal(place, FiniteScan.IndexOf(type, spoilt, NonFiniteValues.All & ~kind));
                    }
                }
            }
        }
    }

    [Fact]
    public void IndexOf_RandomMixtures_AgreesWithOneByOne()
    {
        var random = new Random(20260804);
        for (var round = 0; round < 20_000; round++)
        {
            var type = Types[random.Next(Types.Length)];
            var bytes = Finite(type, random.Next(300));
            var count = bytes.Length / ElementTypes.SizeOf(type);
            for (var spoilt = random.Next(6); spoilt > 0 && count > 0; spoilt--)
                Put(bytes, type, random.Next(count), Kinds[random.Next(3)]);
            var allowed = (NonFiniteValues)random.Next(8);
            var expected = Enumerable.Range(0, count).Where(place => (OneByOne(bytes, type, place) & ~allowed) != 0).Append(-1).First();
            Assert.Equal(expected, FiniteScan.IndexOf(type, bytes, allowed));
        }
    }

    /// <summary>Callers' memory begins anywhere.</summary>
    [Fact]
    public void IndexOf_AnywhereInMemory_SeesTheFirstAndTheLast()
    {
        foreach (var type in Types)
        {
            var size = ElementTypes.SizeOf(type);
            for (var offset = 0; offset < 130; offset++)
            {
                foreach (var length in (int[])[33, 64, 97, 130])
                {
                    var memory = new byte[offset + (length * size)];
                    Finite(type, length).CopyTo(memory, offset);
                    var here = memory.AsSpan(offset);
                    Assert.Equal(-1, FiniteScan.IndexOf(type, here));
                    foreach (var place in (int[])[length - 1, length / 2, 1, 0])
                    {
                        Put(here, type, place, NonFiniteValues.NaN);
                        Assert.Equal(place, FiniteScan.IndexOf(type, here));
                    }
                }
            }
        }
    }

    /// <summary>All bits that a small format has, and the borders of the large ones: denormals, signs and payloads too.</summary>
    [Fact]
    public void KindOf_EveryHalfAndBrainFloat_IsWhatTheNumberIs()
    {
        for (var bits = 0; bits <= ushort.MaxValue; bits++)
        {
            var bytes = BitConverter.GetBytes((ushort)bits);
            Assert.Equal(KindOf((double)BitConverter.UInt16BitsToHalf((ushort)bits)), FiniteScan.KindsOf(ElementType.Float16, bytes));
            Assert.Equal(KindOf(BFloat16.FromBits((ushort)bits)), FiniteScan.KindsOf(ElementType.BFloat16, bytes));
            var repeated = MemoryMarshal.AsBytes(Enumerable.Repeat((ushort)bits, 40).ToArray().AsSpan());
            Assert.Equal(
                KindOf((double)BitConverter.UInt16BitsToHalf((ushort)bits)) == 0 ? -1 : 0,
                FiniteScan.IndexOf(ElementType.Float16, repeated));
        }

        foreach (var bits in (uint[])[0, 1, 0x7FFFFF, 0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FFFFFFF, 0x80000000, 0xFF7FFFFF, 0xFF800000,
            0xFF800001, 0xFFFFFFFF])
            Assert.Equal(KindOf(BitConverter.UInt32BitsToSingle(bits)), FiniteScan.KindsOf(ElementType.Float, BitConverter.GetBytes(bits)));
        foreach (var bits in (ulong[])[1, 0x7FEFFFFFFFFFFFFF, 0x7FF0000000000000, 0x7FF0000000000001, 0xFFEFFFFFFFFFFFFF,
            0xFFF0000000000000, 0xFFFFFFFFFFFFFFFF])
            Assert.Equal(
                KindOf(BitConverter.UInt64BitsToDouble(bits)), FiniteScan.KindsOf(ElementType.Double, BitConverter.GetBytes(bits)));
    }

    [Fact]
    public void IndexOf_OtherTypes_HaveNothingThatIsNotFinite()
    {
        byte[] ones = [.. Enumerable.Repeat((byte)0xFF, 128)];
        foreach (var type in Enum.GetValues<ElementType>().Except(Types))
            Assert.Equal(
                (-1, NonFiniteValues.None, false),
                (FiniteScan.IndexOf(type, ones), FiniteScan.KindsOf(type, ones), FiniteScan.Knows(type)));
    }

    [Fact]
    public void IndexOf_AllTypes_AllocatesNothing()
    {
        var tensors = Types.Select(static type => (type, Bytes: Finite(type, 784))).ToArray();
        _ = Sum(tensors);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var sum = Sum(tensors);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(-2 * Types.Length, sum);

        static int Sum((ElementType Type, byte[] Bytes)[] tensors)
        {
            var sum = 0;
            foreach (var (type, bytes) in tensors)
                sum += FiniteScan.IndexOf(type, bytes) + FiniteScan.IndexOf(type, bytes, NonFiniteValues.NaN);
            return sum;
        }
    }

    private static byte[] Finite(ElementType type, int length)
    {
        var random = new Random(length);
        var bytes = new byte[length * ElementTypes.SizeOf(type)];
        for (var i = 0; i < length; i++)
        {
            // The largest numbers, of both signs, and denormals are next to what is not finite, or nothing.
            var number = random.Next(4) switch { 0 => double.MaxValue, 1 => double.MinValue, 2 => 1e-40, _ => random.NextDouble() };
            if (type == ElementType.Float) number = Math.Clamp(number, float.MinValue, float.MaxValue);
            if (type == ElementType.Float16) number = Math.Clamp(number, (double)Half.MinValue, (double)Half.MaxValue);
            if (type == ElementType.BFloat16) number = Math.Clamp(number, -3.3e38, 3.3e38);
            Scalars.Fill(bytes.AsSpan(i * ElementTypes.SizeOf(type), ElementTypes.SizeOf(type)), type, number);
        }

        return bytes;
    }

    private static void Put(Span<byte> bytes, ElementType type, int place, NonFiniteValues kind)
    {
        var number = kind switch
        {
            NonFiniteValues.NaN => double.NaN,
            NonFiniteValues.PositiveInfinity => double.PositiveInfinity,
            _ => double.NegativeInfinity,
        };
        var size = ElementTypes.SizeOf(type);
        Scalars.Fill(bytes.Slice(place * size, size), type, number);
    }

    private static NonFiniteValues OneByOne(byte[] bytes, ElementType type, int place) => KindOf(type switch
    {
        ElementType.Float => BitConverter.ToSingle(bytes, place * 4),
        ElementType.Double => BitConverter.ToDouble(bytes, place * 8),
        ElementType.Float16 => (double)BitConverter.ToHalf(bytes, place * 2),
        _ => BFloat16.FromBits(BitConverter.ToUInt16(bytes, place * 2)).ToSingle(),
    });

    private static NonFiniteValues KindOf(double number) => double.IsNaN(number) ? NonFiniteValues.NaN
        : double.IsPositiveInfinity(number) ? NonFiniteValues.PositiveInfinity
        : double.IsNegativeInfinity(number) ? NonFiniteValues.NegativeInfinity : NonFiniteValues.None;
}
