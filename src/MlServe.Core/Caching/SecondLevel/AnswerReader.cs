using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace MlServe.Caching;

/// <summary>Reads bytes that may end anywhere.</summary>
internal ref struct AnswerReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _left = bytes;

    public readonly int Left => _left.Length;

    public readonly bool IsAtEnd => _left.IsEmpty;

    // As little-endian machines have it, which all are that the runtime supports.
    public bool TryRead<T>(out T value)
        where T : unmanaged
    {
        value = default;
        if (_left.Length < Unsafe.SizeOf<T>()) return false;
        value = MemoryMarshal.Read<T>(_left);
        _left = _left[Unsafe.SizeOf<T>()..];
        return true;
    }

    public bool TryReadBytes(Span<byte> destination)
    {
        if (_left.Length < destination.Length) return false;
        _left[..destination.Length].CopyTo(destination);
        _left = _left[destination.Length..];
        return true;
    }

    public bool TryReadText([NotNullWhen(true)] out string? text)
    {
        text = null;
        if (!TryRead(out int length) || (uint)length > (uint)_left.Length) return false;
        text = Encoding.UTF8.GetString(_left[..length]);
        _left = _left[length..];
        return true;
    }
}
