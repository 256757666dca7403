using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MlServe.Tensors;

/// <summary>
/// Pinned memory for the runtime to read and write, aligned for its widest vector instructions. On the pinned heap, so that nothing has to
/// be freed by hand and a forgotten buffer is only garbage.
/// </summary>
internal sealed class AlignedBuffer
{
    public const int Alignment = 64;

    /// <summary>Bytes behind the end that may be touched, so that the last of a few can be read and written as one word.</summary>
    public const int Behind = sizeof(ulong);

    private readonly byte[] _array;
    private readonly int _start;

    public AlignedBuffer(int length)
    {
        Length = length;
        // Zeroed on purpose: rows that nobody writes must not carry another request's data.
        _array = GC.AllocateArray<byte>(length + Alignment + Behind, pinned: true);
        var address = (nint)Marshal.UnsafeAddrOfPinnedArrayElement(_array, 0);
        _start = (int)((Alignment - (address % Alignment)) % Alignment);
    }

    public int Length { get; }

    public Span<byte> Span => _array.AsSpan(_start, Length);

    public nint Address => Marshal.UnsafeAddrOfPinnedArrayElement(_array, _start);
}
