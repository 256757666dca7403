using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace MlServe.TestModels;

/// <summary>Writes .npy files as NumPy does.</summary>
public static class Npy
{
    public static byte[] Of(float[] values, params long[] shape) =>
        Of($"{{'descr': '<f4', 'fortran_order': False, 'shape': ({string.Concat(shape.Select(static size => $"{size},"))}), "
            + "}", MemoryMarshal.AsBytes<float>(values));

    public static byte[] Of(string header, ReadOnlySpan<byte> data, byte version = 1)
    {
        var start = version == 1 ? 10 : 12;
        var text = Encoding.ASCII.GetBytes(header.PadRight((((start + header.Length) / 64) + 1) * 64 - start - 1) + "\n");
        var file = new byte[start + text.Length + data.Length];
        ((ReadOnlySpan<byte>)[0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', version, 0]).CopyTo(file);
        if (version == 1) BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(8), (ushort)text.Length);
        else BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(8), (uint)text.Length);
        text.CopyTo(file, start);
        data.CopyTo(file.AsSpan(start + text.Length));
        return file;
    }
}
