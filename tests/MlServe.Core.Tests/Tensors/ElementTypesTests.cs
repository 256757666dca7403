using System.Runtime.CompilerServices;

namespace MlServe.Tensors;

public sealed class ElementTypesTests
{
    [Fact]
    public void Of_EachClrType_IsItsElementType()
    {
        Check<float>(ElementType.Float, "float", "float");
        Check<double>(ElementType.Double, "double", "double");
        Check<Half>(ElementType.Float16, "float16", "Half");
        Check<BFloat16>(ElementType.BFloat16, "bfloat16", "BFloat16");
        Check<byte>(ElementType.UInt8, "uint8", "byte");
        Check<sbyte>(ElementType.Int8, "int8", "sbyte");
        Check<ushort>(ElementType.UInt16, "uint16", "ushort");
        Check<short>(ElementType.Int16, "int16", "short");
        Check<uint>(ElementType.UInt32, "uint32", "uint");
        Check<int>(ElementType.Int32, "int32", "int");
        Check<ulong>(ElementType.UInt64, "uint64", "ulong");
        Check<long>(ElementType.Int64, "int64", "long");
        Check<bool>(ElementType.Bool, "bool", "bool");
        Assert.Equal(ElementType.String, ElementTypes.Of<string>());
        Assert.Equal(0, ElementTypes.SizeOf(ElementType.String));
        Assert.Equal("string", ElementTypes.ClrNameOf(ElementType.String));
        Assert.False(ElementTypes.IsBlittable<string>());
        Assert.Equal("none", ElementTypes.NameOf(ElementType.None));
    }

    [Fact]
    public void Require_OtherType_SaysWhichThereAre()
    {
        var exception = Assert.Throws<NotSupportedException>(() => ElementTypes.Require<decimal>());
        Assert.Contains("System.Decimal", exception.Message, StringComparison.Ordinal);
        Assert.Contains("BFloat16", exception.Message, StringComparison.Ordinal);
        Assert.Throws<NotSupportedException>(() => PredictionInputs.Row(new decimal[1]));
        Assert.Throws<NotSupportedException>(() => PredictionInputs.Row<DateTime>(new DateTime[1].AsMemory()));
        Assert.Throws<NotSupportedException>(() => PredictionInput.Tensor("x", new char[1]));
        Assert.Throws<NotSupportedException>(() => PredictionInput.Tensor("x", new nint[1]));
    }

    private static void Check<T>(ElementType type, string name, string clrName)
        where T : unmanaged
    {
        Assert.Equal(type, ElementTypes.Of<T>());
        Assert.Equal(Unsafe.SizeOf<T>(), ElementTypes.SizeOf(type));
        Assert.Equal(name, ElementTypes.NameOf(type));
        Assert.Equal(clrName, ElementTypes.ClrNameOf(type));
        Assert.True(ElementTypes.IsBlittable<T>());
    }
}
