using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace MlServe.Onnx.Files;

/// <summary>
/// Keeps files in a folder and knows them again. Each ends with a seal: a keyed hash over what it is (<c>context</c>) and over its
/// contents. A file without the right seal is taken only if nobody else can have put it there. The bytes that are read are those that were
/// checked. Safe for concurrent use, also by several processes.
/// </summary>
internal sealed class SealedFolder
{
    // As a field of protobuf that nobody knows, it leaves an ONNX file one that can be read: field 536,870,000, of a length, and its 64
    // bytes.
    private static readonly byte[] Mark = [0x82, 0xC7, 0xFF, 0xFF, 0x0F, Sha256Size * 2];

    private const int Sha256Size = 32;

    private const UnixFileMode ForOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly SealKey? _key;

    /// <param name="folder">The folder; made if there is none.</param>
    /// <param name="keyFile">The path of the key; null: among the user's own data.</param>
    /// <exception cref="IOException">The folder cannot be made, or the key that was named cannot be used. The message says why.</exception>
    public SealedFolder(string folder, string? keyFile)
    {
        Folder = Path.GetFullPath(folder);
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(Folder);
        else Directory.CreateDirectory(Folder, ForOwner | UnixFileMode.UserExecute);
        _key = FindKey(keyFile, out var noKey);
        NotTrusted = FolderTrust.ProblemOf(Folder);
        if (_key is null && NotTrusted is not null)
            Problem = $"there is no key to know its files by ({noKey}), and others may have put files there ({NotTrusted}). Name a key "
                + "file (SealKeyFile), or let only the owner write the folder and those around it";
    }

    public string Folder { get; }

    /// <summary>Why nothing in the folder can be trusted; null if it can.</summary>
    public string? Problem { get; }

    /// <summary>Why the folder alone is no proof; null if it is.</summary>
    private string? NotTrusted { get; }

    private static int SealSize => Mark.Length + (Sha256Size * 2);

    /// <summary>Reads a file, seal included.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="context">The demand that it must meet.</param>
    /// <param name="maxBytes">The most bytes that are read.</param>
    /// <param name="problem">Why there is one and it is not taken.</param>
    /// <param name="cancellationToken">Gives the reading up.</param>
    /// <returns>Null if there is none, or none that is taken.</returns>
    public byte[]? TryRead(string name, string context, long maxBytes, out string? problem, CancellationToken cancellationToken = default)
    {
        problem = Problem;
        var path = Path.Combine(Folder, name);
        if (problem is not null) return null;
        try
        {
            if (FileStatus.Of(path, followLinks: false) is null && !File.Exists(path)) return null;
            var bytes = RegularFile.ReadSettled(path, maxBytes, followLinks: false, cancellationToken);
            problem = ProblemOf(bytes, context, path);
            return problem is null ? bytes : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            problem = exception is FileNotFoundException or DirectoryNotFoundException ? null : exception.Message;
            return null;
        }
    }

    /// <summary>The contents of a file before its seal.</summary>
    public static ReadOnlySpan<byte> ContentOf(ReadOnlySpan<byte> file) => file[..^SealSize];

    /// <summary>Writes a file and puts it in its place at once.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="context">Its meaning.</param>
    /// <param name="content">Its content.</param>
    /// <param name="isDurable">Whether it must be on the disk before it replaces another: content that cannot be made anew.</param>
    /// <exception cref="IOException">The folder takes no more.</exception>
    public void Write(string name, string context, ReadOnlySpan<byte> content, bool isDurable = false)
    {
        var path = Path.Combine(Folder, name);
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            var creation = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows()) creation.UnixCreateMode = ForOwner;
            using (var file = new FileStream(temporary, creation))
            {
                file.Write(content);
                file.Write(Mark);
                file.Write(Check(context, content));
                file.Write(_key is null ? new byte[Sha256Size] : Sign(_key, context, content));
                if (isDurable) file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new IOException(exception.Message, exception);
        }
        finally
        {
            TryDelete(temporary);
        }
    }

    public void Delete(string name) => TryDelete(Path.Combine(Folder, name));

    private string? ProblemOf(ReadOnlySpan<byte> file, string context, string path)
    {
        if (file.Length < SealSize || !file[^SealSize..^(Sha256Size * 2)].SequenceEqual(Mark))
            return "it has no seal: it was cut short, or something else wrote it";
        var content = ContentOf(file);
        if (!Check(context, content).AsSpan().SequenceEqual(file[^(Sha256Size * 2)..^Sha256Size]))
            return "it is damaged, or of another model";
        if (_key is not null && CryptographicOperations.FixedTimeEquals(Sign(_key, context, content), file[^Sha256Size..])) return null;
        if (NotTrusted is { } folder)
            return $"its seal was not made with {(_key is null ? "a key that is known" : $"the key in '{_key.Path}'")}, and others may "
                + $"have put it there: {folder}";
        return FolderTrust.ProblemOfFile(path);
    }

    private static SealKey? FindKey(string? keyFile, out string? problem)
    {
        problem = null;
        if (keyFile is not null) return SealKey.Load(keyFile);
        if (SealKey.DefaultPath is not { } path)
        {
            problem = "the user has no folder for its data";
            return null;
        }

        try
        {
            return SealKey.Load(path);
        }
        catch (IOException exception)
        {
            problem = exception.Message;
            return null;
        }
    }

    private static byte[] Sign(SealKey key, string context, ReadOnlySpan<byte> content)
    {
        using var hash = key.Begin();
        return Finish(hash, context, content);
    }

    private static byte[] Check(string context, ReadOnlySpan<byte> content)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        return Finish(hash, context, content);
    }

    private static byte[] Finish(IncrementalHash hash, string context, ReadOnlySpan<byte> content)
    {
        // The length goes before the text, so that no text can pass for the beginning of a content.
        var text = Encoding.UTF8.GetBytes(context);
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, text.Length);
        hash.AppendData(length);
        hash.AppendData(text);
        hash.AppendData(content);
        return hash.GetHashAndReset();
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Somebody else may have it open; it will be written over.
        }
    }
}
