using System.Buffers;
using System.Runtime.InteropServices;

namespace MlServe.Onnx.Files;

/// <summary>
/// Memory of the operating system's that is given back piece by piece and at once, which no array can. On Linux. It is gone when it is
/// disposed and nobody holds it any more. A thread that is handed its spans holds it.
/// </summary>
internal sealed unsafe partial class MappedBytes : MemoryManager<byte>
{
    private const int ReadWrite = 3;
    private const int PrivateAnonymous = 0x22;
    private const int DontNeed = 4;
    private const int HugePages = 14;

    private readonly Mapping _mapping;
    private readonly int _length;

    private MappedBytes(Mapping mapping, int length) => (_mapping, _length) = (mapping, length);

    public int Length => _length;

    /// <returns>Null if there is none to be had.</returns>
    public static MappedBytes? TryCreate(int length)
    {
        if (!OperatingSystem.IsLinux() || length == 0) return null;
        var at = Map(0, (nuint)length, ReadWrite, PrivateAnonymous, -1, 0);
        if (at == -1) return null;
        _ = Advise(at, (nuint)length, HugePages);
        return new(new(at, (nuint)length), length);
    }

    public override Span<byte> GetSpan()
    {
        ObjectDisposedException.ThrowIf(_mapping.IsClosed, this);
        return new((void*)_mapping.DangerousGetHandle(), _length);
    }

    /// <summary>Keeps the memory until the hold is disposed.</summary>
    /// <exception cref="ObjectDisposedException">It is gone.</exception>
    public Hold Take() => new(_mapping);

    /// <summary>Gives bytes back that nobody reads any more; they are zeros from now on. Both numbers are multiples of a page's size, or
    /// the end.</summary>
    public void Release(int start, int end) => _ = Advise(_mapping.DangerousGetHandle() + start, (nuint)(end - start), DontNeed);

    public override MemoryHandle Pin(int elementIndex = 0)
    {
        var isHeld = false;
        _mapping.DangerousAddRef(ref isHeld);
        return new((byte*)_mapping.DangerousGetHandle() + elementIndex, pinnable: this);
    }

    public override void Unpin() => _mapping.DangerousRelease();

    public void Close() => _mapping.Dispose();

    protected override void Dispose(bool disposing)
    {
        if (disposing) _mapping.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint length, int advice);

    /// <summary>A share in the memory.</summary>
    internal readonly struct Hold : IDisposable
    {
        private readonly SafeHandle _handle;

        public Hold(SafeHandle handle)
        {
            var isHeld = false;
            handle.DangerousAddRef(ref isHeld);
            _handle = handle;
        }

        public void Dispose() => _handle.DangerousRelease();
    }

    private sealed class Mapping : SafeHandle
    {
        private readonly nuint _length;

        public Mapping(nint address, nuint length)
            : base(-1, ownsHandle: true)
        {
            _length = length;
            SetHandle(address);
        }

        public override bool IsInvalid => handle == -1;

        protected override bool ReleaseHandle() => Unmap(handle, _length) == 0;
    }
}
