using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MlServe.Onnx.Files;

/// <summary>
/// Reads a whole file that somebody else may have put there. A pipe or a device is never waited for. No more is read than was said, and a
/// file that changes meanwhile is refused.
/// </summary>
internal static partial class RegularFile
{
    private const int ChunkSize = 4 * 1024 * 1024;

    /// <summary>How often a file is looked at again that was replaced: writers that never rest are somebody else's fault.</summary>
    private const int MaxReplacements = 100;

    // open(2) on Linux, the same on all processors that .NET runs on.
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;

    /// <summary>Reads a file.</summary>
    /// <param name="path">Its full path.</param>
    /// <param name="maxBytes">The most bytes that are read.</param>
    /// <param name="followLinks">Whether a link is opened, if the path ends in one.</param>
    /// <param name="check">Called with the first bytes, before the rest is read; throws if they show that the rest is not
    /// wanted.</param>
    /// <param name="cancellationToken">Gives the reading up, between pieces.</param>
    /// <exception cref="FileRefusedException">It is no regular file, larger than was allowed, or changes while it is read.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static byte[] Read(
        string path, long maxBytes, bool followLinks = true, FirstBytes? check = null, CancellationToken cancellationToken = default)
    {
        var array = new ArrayTarget();
        ReadInto(array, path, maxBytes, followLinks, check, cancellationToken);
        return array.Bytes;
    }

    /// <summary>Reads a file that others replace whole: one that took its place meanwhile is read in its stead.</summary>
    /// <inheritdoc cref="Read" />
    public static byte[] ReadSettled(
        string path, long maxBytes, bool followLinks = true, CancellationToken cancellationToken = default)
    {
        for (var tries = MaxReplacements; ; tries--)
        {
            try
            {
                return Read(path, maxBytes, followLinks, cancellationToken: cancellationToken);
            }
            catch (FileRefusedException exception) when (exception.Refusal == FileRefusal.Changed && tries > 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
    }

    /// <summary>Reads a file into memory that the target has. If it fails, a part may be there.</summary>
    /// <inheritdoc cref="Read" />
    public static void ReadInto(
        IFileTarget target, string path, long maxBytes, bool followLinks = true, FirstBytes? check = null,
        CancellationToken cancellationToken = default)
    {
        // Looked at before it is opened: opening a device may set it going.
        var status = FileStatus.Of(path, followLinks);
        if (status is { } seen) CheckKind(seen.Kind, path);
        using var handle = Open(path);
        if (FileStatus.Of(handle) is { } opened)
        {
            CheckKind(opened.Kind, path);
            if (!followLinks && opened.Identity != status?.Identity) throw Changed(path, "another took its place");
        }

        ReadAll(target, handle, path, maxBytes, check, cancellationToken);
    }

    /// <summary>Reads a file that has been opened, whole.</summary>
    private static void ReadAll(
        IFileTarget target, SafeFileHandle handle, string path, long maxBytes, FirstBytes? check, CancellationToken cancellationToken)
    {
        long length;
        try
        {
            length = RandomAccess.GetLength(handle);
        }
        catch (NotSupportedException exception)
        {
            throw new FileRefusedException(FileRefusal.NotRegular, $"'{path}' is a pipe or a device. Give the path of a file.", exception);
        }

        if (length > maxBytes)
        {
            throw new FileRefusedException(FileRefusal.TooLarge,
                FormattableString.Invariant($"'{path}' has {length} bytes, and at most {maxBytes} are read."));
        }

        var bytes = target.Begin((int)length);
        for (var read = 0; read < bytes.Length;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = RandomAccess.Read(handle, bytes.Slice(read, Math.Min(ChunkSize, bytes.Length - read)), read);
            if (count == 0) throw Changed(path, FormattableString.Invariant($"it had {length} bytes and ends after {read}"));
            if (read == 0) check?.Invoke(bytes[..count]);
            read += count;
            target.HasRead(read);
        }

        // A device says that it has no bytes and never ends; a file that is being written has more by now.
        Span<byte> more = stackalloc byte[1];
        if (RandomAccess.Read(handle, more, length) != 0)
            throw Changed(path, FormattableString.Invariant($"it had {length} bytes and has more"));
    }

    private static SafeFileHandle Open(string path)
    {
        if (!OperatingSystem.IsLinux()) return File.OpenHandle(path);

        // A pipe may have taken the file's place since it was looked at: opening one waits for somebody who writes, unless it is told not
        // to.
        var file = OpenFile(path, NonBlocking | CloseOnExec, 0);
        if (file >= 0) return new(file, ownsHandle: true);
        var reason = Marshal.GetLastPInvokeErrorMessage();
        throw new IOException($"Opening '{path}' failed: {reason}.");
    }

    private static void CheckKind(FileKind kind, string path)
    {
        var what = kind switch
        {
            FileKind.Regular => null,
            FileKind.Folder => "a folder",
            FileKind.Link => "a link",
            FileKind.Pipe => "a pipe",
            FileKind.Socket => "a socket",
            FileKind.Device => "a device",
            _ => "no file",
        };
        if (what is not null) throw new FileRefusedException(FileRefusal.NotRegular, $"'{path}' is {what}. Give the path of a file.");
    }

    private static FileRefusedException Changed(string path, string how) => new(FileRefusal.Changed,
        $"'{path}' changes while it is read: {how}. Write files under another name, and move them into place when they are complete.");

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int OpenFile(string path, int flags, int mode);

    private sealed class ArrayTarget : IFileTarget
    {
        public byte[] Bytes { get; private set; } = [];

        public Span<byte> Begin(int length) => Bytes = GC.AllocateUninitializedArray<byte>(length);

        public void HasRead(int bytes)
        {
        }
    }
}
