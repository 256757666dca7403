using System.Numerics;
using System.Runtime.InteropServices;

namespace MlServe.Tensors;

/// <summary>Fills tensors of a type that is known only at run time with one number, saturated to the type's range.</summary>
internal static class Scalars
{
    public static void Fill(Span<byte> bytes, ElementType type, double value)
    {
        switch (type)
        {
            case ElementType.Float:
                Fill<float>(bytes, value);
                break;
            case ElementType.Double:
                Fill<double>(bytes, value);
                break;
            case ElementType.Float16:
                Fill<Half>(bytes, value);
                break;
            case ElementType.BFloat16:
                MemoryMarshal.Cast<byte, BFloat16>(bytes).Fill((BFloat16)(float)value);
                break;
            case ElementType.UInt8:
                Fill<byte>(bytes, value);
                break;
            case ElementType.Int8:
                Fill<sbyte>(bytes, value);
                break;
            case ElementType.UInt16:
                Fill<ushort>(bytes, value);
                break;
            case ElementType.Int16:
                Fill<short>(bytes, value);
                break;
            case ElementType.UInt32:
                Fill<uint>(bytes, value);
                break;
            case ElementType.Int32:
                Fill<int>(bytes, value);
                break;
            case ElementType.UInt64:
                Fill<ulong>(bytes, value);
                break;
            case ElementType.Int64:
                Fill<long>(bytes, value);
                break;
            case ElementType.Bool:
                bytes.Fill(value == 0 ? (byte)0 : (byte)1);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "Not a type of numbers.");
        }
    }

    private static void Fill<T>(Span<byte> bytes, double value)
        where T : unmanaged, INumber<T> => MemoryMarshal.Cast<byte, T>(bytes).Fill(T.CreateSaturating(value));
}
