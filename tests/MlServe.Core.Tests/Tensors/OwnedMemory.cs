using System.Buffers;

namespace MlServe.Tensors;

/// <summary>Memory that is no array.</summary>
internal sealed class OwnedMemory<T>(T[] values) : MemoryManager<T>
{
    public override Span<T> GetSpan() => values;

    public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException();

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
