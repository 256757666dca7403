using System.Runtime.InteropServices;
using System.Text;
using MlServe.Onnx.Inspection;
using MlServe.Tensors;

namespace MlServe.Cases;

/// <summary>Reads the files of a case: TensorProto, SequenceProto or OptionalProto. No case has a map in a file.</summary>
internal static class CaseReader
{
    // OptionalProto.DataType and SequenceProto.DataType.
    private const ulong NoElement = 0;

    /// <summary>Reads a file of the type that the model's graph declares.</summary>
    public static CaseValue Read(byte[] file, OnnxValueKind kind) => kind switch
    {
        OnnxValueKind.Tensor => ReadTensor(file),
        OnnxValueKind.Sequence => ReadSequence(file),
        OnnxValueKind.Optional => ReadOptional(file),
        _ => throw new NotSupportedException($"Files of kind {kind} are not read."),
    };

    public static CaseValue ReadTensor(ReadOnlySpan<byte> message)
    {
        var dims = new List<long>();
        var integers = new List<long>();
        var floats = new List<ulong>();
        var doubles = new List<ulong>();
        var strings = new List<string>();
        byte[]? raw = null;
        var type = ElementType.None;
        for (var field = new ProtoFields(message); field.Next();)
        {
            switch (field.Number)
            {
                case 1:
                    field.AddIntegersTo(dims);
                    break;
                case 2:
                    type = (ElementType)field.Value;
                    break;
                case 4:
                    field.AddFixedTo(floats, 4);
                    break;
                case 5 or 7 or 11:
                    field.AddIntegersTo(integers);
                    break;
                case 6:
                    strings.Add(Encoding.UTF8.GetString(field.Bytes));
                    break;
                case 9:
                    raw = field.Bytes.ToArray();
                    break;
                case 10:
                    field.AddFixedTo(doubles, 8);
                    break;
            }
        }

        long[] shape = [.. dims];
        return type switch
        {
            ElementType.Float => Make(floats, static bits => BitConverter.UInt32BitsToSingle((uint)bits)),
            ElementType.Double => Make(doubles, BitConverter.UInt64BitsToDouble),
            ElementType.Float16 => Make(integers, static bits => BitConverter.UInt16BitsToHalf((ushort)bits)),
            ElementType.BFloat16 => Make(integers, static bits => BFloat16.FromBits((ushort)bits)),
            ElementType.UInt8 => Make(integers, static value => (byte)value),
            ElementType.Int8 => Make(integers, static value => (sbyte)value),
            ElementType.UInt16 => Make(integers, static value => (ushort)value),
            ElementType.Int16 => Make(integers, static value => (short)value),
            ElementType.UInt32 => Make(integers, static value => (uint)value),
            ElementType.Int32 => Make(integers, static value => (int)value),
            ElementType.UInt64 => Make(integers, static value => (ulong)value),
            ElementType.Int64 => Make(integers, static value => value),
            ElementType.Bool => Make(integers, static value => value != 0),
            ElementType.String => new CaseTensor<string>([.. strings], shape),
            _ => throw new NotSupportedException($"Tensors of type {(int)type} are not read."),
        };

        CaseTensor<TElement> Make<TElement, TStored>(List<TStored> stored, Func<TStored, TElement> convert)
            where TElement : unmanaged =>
            new(raw is null ? [.. stored.Select(convert)] : MemoryMarshal.Cast<byte, TElement>(raw).ToArray(), shape);
    }

    private static CaseSequence ReadSequence(ReadOnlySpan<byte> message)
    {
        var elements = new List<CaseValue>();
        for (var field = new ProtoFields(message); field.Next();)
        {
            if (ReadPart(field) is { } element) elements.Add(element);
        }

        return new(elements);
    }

    private static CaseValue ReadOptional(ReadOnlySpan<byte> message)
    {
        CaseValue? value = null;
        var type = NoElement;
        for (var field = new ProtoFields(message); field.Next();)
        {
            if (field.Number == 2) type = field.Value;
            else value = ReadPart(field) ?? value;
        }

        return type == NoElement || value is null ? CaseAbsent.Instance : value;
    }

    /// <summary>A value inside a sequence or an optional; both number their kinds alike.</summary>
    private static CaseValue? ReadPart(ProtoFields field) => field.Number switch
    {
        3 => ReadTensor(field.Bytes),
        5 => ReadSequence(field.Bytes),
        7 => ReadOptional(field.Bytes),
        _ => null,
    };
}
