using MlServe.Tensors;

namespace MlServe.Benchmarks.Load;

/// <summary>
/// Reads rows from a file: the elements of the model's only input, little-endian and row-major, one row after another and nothing else.
/// </summary>
internal static class RowFile
{
    private const int MaxRows = 1024;
    private const long MaxBytes = 256L * 1024 * 1024;

    /// <summary>The first rows, as many as there are up to 1,024 and 256 MiB.</summary>
    public static IReadOnlyList<PredictionInputs> Read(string path, ModelSignature signature, RowShape shape)
    {
        ValueSignature[] needed = [.. signature.Inputs.Where(static input => !input.IsOptional)];
        if (needed is not [var input])
            throw new LoadException(
                $"--inputs takes the rows of one input, and the model needs {needed.Length}: {signature}. "
                + "Leave it out, and rows are made up.");
        var size = ElementTypes.SizeOf(input.ElementType);
        if (size == 0)
            throw new LoadException($"--inputs takes rows of numbers, and the input is {input}. Leave it out, and rows are made up.");
        var axes = shape.Of(input, signature.IsBatchable);
        var rowBytes = Shapes.Count(axes) * size;
        if (!File.Exists(path)) throw new LoadException($"There is no file '{path}'. Give --inputs a file of rows, {rowBytes} bytes each.");

        using var file = File.OpenRead(path);
        if (file.Length == 0 || rowBytes == 0 || file.Length % rowBytes != 0)
        {
            throw new LoadException(
                $"'{path}' has {file.Length} bytes, which are not whole rows: a row of the input {input} has {rowBytes} bytes "
                + $"({Shapes.Count(axes)} elements of {size}). "
                + "The file must hold rows one after another, little-endian, and nothing else.");
        }

        var count = (int)Math.Max(1, Math.Min(Math.Min(file.Length / rowBytes, MaxRows), MaxBytes / rowBytes));
        return [.. Enumerable.Range(0, count).Select(_ => ReadRow(file, input, axes, (int)rowBytes))];
    }

    private static PredictionInputs ReadRow(FileStream file, ValueSignature input, long[] axes, int rowBytes)
    {
        return input.ElementType switch
        {
            ElementType.Float => Row<float>(),
            ElementType.Double => Row<double>(),
            ElementType.Float16 => Row<Half>(),
            ElementType.BFloat16 => Row<BFloat16>(),
            ElementType.UInt8 => Row<byte>(),
            ElementType.Int8 => Row<sbyte>(),
            ElementType.UInt16 => Row<ushort>(),
            ElementType.Int16 => Row<short>(),
            ElementType.UInt32 => Row<uint>(),
            ElementType.Int32 => Row<int>(),
            ElementType.UInt64 => Row<ulong>(),
            ElementType.Int64 => Row<long>(),
            _ => Row<bool>(),
        };

        PredictionInputs Row<T>()
            where T : unmanaged
        {
            var values = new T[rowBytes / ElementTypes.SizeOf(input.ElementType)];
            file.ReadExactly(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()));
            return PredictionInputs.Row(PredictionInput.Tensor(input.Name, values, axes));
        }
    }
}
