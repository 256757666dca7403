using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MlServe.Onnx.Files;

/// <summary>
/// A pipe that native code opens by a path, and a thread that writes checked bytes into it and gives their memory back behind it. So native
/// code reads exactly those bytes, and they are not in memory twice. On Linux, if <c>/proc</c> is there.
/// </summary>
internal sealed partial class BytePipe : IDisposable
{
    private const int CloseOnExec = 0x80000;
    private const int SetPipeSize = 1031;
    private const int Piece = 1024 * 1024;

    // A multiple of a huge page.
    private const int Released = 4 * Piece;

    private readonly SafeFileHandle _readEnd;
    private readonly SafeFileHandle _writeEnd;
    private Thread? _writer;
    private volatile bool _isComplete;
    private volatile bool _isOver;

    private BytePipe(int readEnd, int writeEnd)
    {
        _readEnd = new(readEnd, ownsHandle: true);
        _writeEnd = new(writeEnd, ownsHandle: true);
        Path = FormattableString.Invariant($"/proc/self/fd/{readEnd}");
    }

    /// <summary>The path that native code is to open, while this is not disposed.</summary>
    public string Path { get; }

    /// <summary>Whether all bytes have been read or wait to be read; otherwise the reader has only the beginning.</summary>
    public bool IsComplete => _isComplete;

    /// <returns>Null if there is none to be had.</returns>
    public static unsafe BytePipe? TryOpen()
    {
        if (!OperatingSystem.IsLinux()) return null;
        var ends = stackalloc int[2];
        if (OpenPipe(ends, CloseOnExec) != 0) return null;
        var pipe = new BytePipe(ends[0], ends[1]);

        // Fewer turns between the two threads; not granted, it is slower.
        _ = Control(ends[1], SetPipeSize, Piece);
        if (File.Exists(pipe.Path)) return pipe;
        pipe.Dispose();
        return null;
    }

    /// <summary>Begins to write.</summary>
    /// <param name="bytes">Written and released from the beginning on.</param>
    /// <param name="digest">Bytes are released that it has seen.</param>
    /// <param name="cancellationToken">Ends it before its end.</param>
    public void Begin(MappedBytes bytes, RunningDigest digest, CancellationToken cancellationToken)
    {
        var hold = bytes.Take();
        var writer = new Thread(() => Write(bytes, hold, digest, cancellationToken), 256 * 1024)
        {
            IsBackground = true,
            Name = "MlServe model writer",
        };
        try
        {
            writer.UnsafeStart();
        }
        catch
        {
            // There is none to be waited for.
            hold.Dispose();
            throw;
        }

        _writer = writer;
    }

    /// <summary>Ends the writing, whether or not anybody has read it.</summary>
    public void Dispose()
    {
        _isOver = true;

        // Without a reader a write fails; so it ends in any case.
        _readEnd.Dispose();
        if (_writer is null) _writeEnd.Dispose();
        else _writer.Join();
    }

    private void Write(MappedBytes bytes, MappedBytes.Hold hold, RunningDigest digest, CancellationToken cancellationToken)
    {
        try
        {
            using (hold)
            using (var stream = new FileStream(_writeEnd, FileAccess.Write, bufferSize: 0))
            {
                for (var start = 0; start < bytes.Length;)
                {
                    var end = (int)Math.Min(bytes.Length, (long)start + Piece);
                    if (_isOver || cancellationToken.IsCancellationRequested || !digest.WaitFor(end)) return;
                    stream.Write(bytes.GetSpan()[start..end]);
                    start = end;
                    if (start % Released == 0) bytes.Release(start - Released, start);
                }

                // Before the end is seen.
                _isComplete = true;
            }
        }
#pragma warning disable CA1031 // It would end the process. The reader sees an early end, and its owner that it is not complete.
        catch (Exception)
#pragma warning restore CA1031
        {
            _writeEnd.Dispose();
        }
    }

    [LibraryImport("libc", EntryPoint = "pipe2", SetLastError = true)]
    private static unsafe partial int OpenPipe(int* ends, int flags);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(int file, int command, nint argument);
}
