using System.Buffers.Binary;

namespace MlServe.Samples.Training.Mnist;

/// <summary>The file format of MNIST: two zeros, the type of the elements, the number of dimensions, their sizes, the elements.</summary>
internal static class IdxFile
{
    private const byte UnsignedByte = 0x08;

    /// <summary>The elements of <paramref name="file"/>, after a check that it has <paramref name="shape"/>.</summary>
    public static ReadOnlyMemory<byte> Elements(ReadOnlyMemory<byte> file, string name, params ReadOnlySpan<int> shape)
    {
        var span = file.Span;
        var header = 4 + (4 * shape.Length);
        if (span.Length < header || span[0] != 0 || span[1] != 0 || span[2] != UnsignedByte || span[3] != shape.Length)
            throw new InvalidDataException($"{name} is not an idx file of bytes with {shape.Length} dimensions");

        var count = 1;
        for (var i = 0; i < shape.Length; i++)
        {
            var size = BinaryPrimitives.ReadInt32BigEndian(span[(4 + (4 * i))..]);
            if (size != shape[i])
                throw new InvalidDataException($"{name} has size {size} in dimension {i} where {shape[i]} was expected");
            count *= size;
        }

        if (span.Length != header + count)
            throw new InvalidDataException($"{name} has {span.Length - header} elements where {count} were expected");
        return file[header..];
    }
}
