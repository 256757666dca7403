using System.Runtime.InteropServices;

namespace MlServe.Tensors;

public sealed class ScalarsTests
{
    [Fact]
    public void Fill_EveryTypeOfNumbers_HoldsTheNumberSaturated()
    {
        Check<float>(ElementType.Float, 1.5, 1.5f);
        Check<double>(ElementType.Double, 1.5, 1.5);
        Check(ElementType.Float16, 1.5, (Half)1.5);
        Check(ElementType.BFloat16, 1.5, (BFloat16)1.5f);
        Check<byte>(ElementType.UInt8, 300, 255);
        Check<sbyte>(ElementType.Int8, -300, -128);
        Check<ushort>(ElementType.UInt16, -1, 0);
        Check<short>(ElementType.Int16, 1e9, short.MaxValue);
        Check<uint>(ElementType.UInt32, 1e18, uint.MaxValue);
        Check<int>(ElementType.Int32, -1e18, int.MinValue);
        Check<ulong>(ElementType.UInt64, 7, 7);
        Check<long>(ElementType.Int64, -7, -7);
        Check(ElementType.Bool, 0, false);
        Check(ElementType.Bool, 2, true);
    }

    [Theory]
    [InlineData(ElementType.String)]
    [InlineData(ElementType.None)]
    public void Fill_NoNumbers_Throws(ElementType type)
    {
        var exception = Assert.Throws<ArgumentOutOfRangeException>(() => Scalars.Fill(new byte[8], type, 1));
        Assert.Contains("Not a type of numbers.", exception.Message, StringComparison.Ordinal);
    }

    private static void Check<T>(ElementType type, double value, T expected)
        where T : unmanaged
    {
        var elements = new T[3];
        MemoryMarshal.AsBytes(elements.AsSpan()).Fill(0xAA);

        Scalars.Fill(MemoryMarshal.AsBytes(elements.AsSpan()), type, value);

        Assert.Equal([expected, expected, expected], elements);
    }
}
