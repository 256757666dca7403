using System.Security.Cryptography;
using MlServe.Onnx.Files;

namespace MlServe.Onnx;

/// <summary>
/// A model's file that is too large to be held beside the model that the runtime makes of it. It is read once, and hashed meanwhile. That
/// memory is inspected, and then flows through a pipe into the runtime, and is given back as it is read. The runtime gets no path of the
/// file, so later writes to it do not count. For a further session the file is read again, and is refused if it is not the
/// one that was checked.
/// </summary>
/// <param name="first">The file as it was read; large.</param>
/// <param name="origin">Its path, for messages.</param>
/// <param name="read">Reads it again.</param>
internal sealed class LargeFile(FileTarget first, string origin, Func<CancellationToken, FileTarget> read) : IDisposable
{
    /// <summary>Files of fewer bytes are read into an array: threads and a pipe would cost more than they save.</summary>
    public const int Threshold = 8 * 1024 * 1024;

    private FileTarget? _next = first;

    /// <summary>The SHA-256 of the file that was checked; it may still be counted.</summary>
    public Task<string> Digest { get; } = first.Large!.Digest;

    /// <summary>The name of the last pipe; the runtime's messages have it in place of the file's.</summary>
    public string? PipePath { get; private set; }

    /// <summary>The large file that a model was read from; null: it is in an array.</summary>
    public static LargeFile? Of(ModelContent content) => content.Held as LargeFile;

    /// <summary>Keeps the bytes while a thread looks at them that may be given up; null if they have gone.</summary>
    public IDisposable? Hold() => Volatile.Read(ref _next)?.Large?.Take();

    /// <summary>Reads the file again, unless there are bytes that no session has been opened of.</summary>
    /// <exception cref="ModelLoadException">It cannot be read, or is another one by now.</exception>
    public void Prepare(CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _next) is not null) return;
        var again = read(cancellationToken);
        try
        {
            // All of it before the runtime sees a byte.
            Check(DigestOf(again));
            Volatile.Write(ref _next, again);
        }
        catch
        {
            again.Large?.Dispose();
            throw;
        }
    }

    /// <summary>Opens a session. Blocks.</summary>
    /// <param name="byPath">Opens it of a path; null: it has to be an array.</param>
    /// <param name="byBytes">Opens it of an array, if the runtime does not read a pipe.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <exception cref="ModelLoadException">The file had to be read again, and is another one by now.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public T Open<T>(Func<string, T>? byPath, Func<byte[], T> byBytes, CancellationToken cancellationToken)
        where T : class, IDisposable
    {
        if (byPath is not null && TryPipe(byPath, cancellationToken) is { } opened) return opened;
        cancellationToken.ThrowIfCancellationRequested();
        Prepare(cancellationToken);
        byte[] array;
        var file = Interlocked.Exchange(ref _next, null) ?? throw new OperationCanceledException(cancellationToken);
        using (file.Large)
            array = file.Bytes.ToArray();
        return byBytes(array);
    }

    /// <summary>Gives the memory back, if it has not been used.</summary>
    public void Dispose() => Interlocked.Exchange(ref _next, null)?.Large?.Dispose();

    /// <returns>Null if the runtime did not read it all.</returns>
    private T? TryPipe<T>(Func<string, T> byPath, CancellationToken cancellationToken)
        where T : class, IDisposable
    {
        if (BytePipe.TryOpen() is not { } pipe) return null;
        Prepare(cancellationToken);
        var file = Interlocked.Exchange(ref _next, null);
        if (file?.Large is not { } bytes)
        {
            Volatile.Write(ref _next, file);
            pipe.Dispose();
            return null;
        }

        PipePath = pipe.Path;
        T? opened = null;
        using (bytes)
        using (pipe)
        {
            try
            {
                bytes.FlowInto(pipe, cancellationToken);
                opened = byPath(pipe.Path);
                if (pipe.IsComplete) return opened;
            }
            catch (Exception) when (!pipe.IsComplete)
            {
                // It takes no pipe, or has read enough: the bytes will tell.
            }

            // The beginning of a model may be a model.
            opened?.Dispose();

            // What is read again is compared with it.
            Digest.Wait(cancellationToken);
            return null;
        }
    }

    private static string DigestOf(FileTarget file) => file.Large is { } large
        ? large.Digest.GetAwaiter().GetResult()
        : Convert.ToHexStringLower(SHA256.HashData(file.Bytes.Span));

    private void Check(string digest)
    {
        var expected = Digest.GetAwaiter().GetResult();
        if (digest == expected) return;
        throw new ModelLoadException(ModelLoadFailure.Unreadable,
            $"'{origin}' has changed while it was loaded: it was checked with the digest {expected}, and read again it has {digest}. Write "
            + "files under another name, and move them into place when they are complete.");
    }
}
