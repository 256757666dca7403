using System.Security.Cryptography;
using System.Text;
using MlServe.Guests;
using MlServe.Onnx.Files;

namespace MlServe.Storage;

/// <summary>
/// Keeps state in the files of a folder, one for each key. Each carries a seal by which it is known again: a file that is torn, was written
/// by somebody else, or was renamed is refused.
/// Several processes may share a folder, with one key file. Safe for concurrent use.
/// </summary>
public sealed class FileStateStore : IStateStore
{
    /// <summary>The most bytes of a value: 1 MiB.</summary>
    public const int MaxValueBytes = 1024 * 1024;

    /// <summary>The most keys of a folder.</summary>
    public const int MaxKeys = 1024;

    private const int MaxKeyLength = 128;
    private const int SealBytes = 4096;
    private const string Extension = ".state";

    private static readonly TimeSpan Abandoned = TimeSpan.FromHours(1);

    private readonly SealedFolder _folder;

    /// <summary>Opens a folder.</summary>
    /// <param name="folder">Its path; made if there is none, for its owner alone.</param>
    /// <param name="sealKeyFile">
    /// The file with the key by which the store knows what it wrote; made if there is none. Hosts that share a folder share it. Default:
    /// null, one among the user's own data.
    /// </param>
    /// <exception cref="IOException">The folder or the key cannot be used. The message says why, and what to do.</exception>
    public FileStateStore(string folder, string? sealKeyFile = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        _folder = new(folder, sealKeyFile);
        if (_folder.Problem is { } problem) throw new IOException($"The state folder '{_folder.Folder}' cannot be used: {problem}.");
        DeleteAbandoned();
    }

    /// <summary>The folder.</summary>
    public string Folder => _folder.Folder;

    /// <inheritdoc />
    public ValueTask<ReadOnlyMemory<byte>?> ReadAsync(string key, CancellationToken cancellationToken = default)
    {
        var file = FileOf(key);
        return new(Background.Run(() => Task.FromResult(Read(key, file, cancellationToken))));
    }

    /// <inheritdoc />
    public ValueTask WriteAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default)
    {
        var file = FileOf(key);
        if (value.Length > MaxValueBytes)
            throw new ArgumentException($"The value of '{key}' has {value.Length} bytes; it may have {MaxValueBytes}.", nameof(value));
        return new(Background.Run(() =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!File.Exists(Path.Combine(Folder, file)) && Directory.EnumerateFiles(Folder, $"*{Extension}").Count() >= MaxKeys)
                throw new IOException(
                    $"The state folder '{Folder}' has {MaxKeys} keys and takes no more. Delete those that are no longer needed.");
            _folder.Write(file, ContextOf(key), value.Span, isDurable: true);
            return Task.CompletedTask;
        }));
    }

    /// <inheritdoc />
    public ValueTask DeleteAsync(string key, CancellationToken cancellationToken = default)
    {
        var file = FileOf(key);
        return new(Background.Run(() =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            _folder.Delete(file);
            return Task.CompletedTask;
        }));
    }

    private ReadOnlyMemory<byte>? Read(string key, string file, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var bytes = _folder.TryRead(file, ContextOf(key), MaxValueBytes + SealBytes, out var problem, cancellationToken);
        if (problem is not null)
            throw new IOException(
                $"The state '{key}' ('{Path.Combine(Folder, file)}') is not taken: {problem}. Delete it, or write it anew.");
        return bytes?.AsMemory(0, SealedFolder.ContentOf(bytes).Length);
    }

    /// <summary>Deletes the files of writers whose process ended.</summary>
    private void DeleteAbandoned()
    {
        try
        {
            var until = TimeProvider.System.GetUtcNow() - Abandoned;
            foreach (var file in new DirectoryInfo(Folder).EnumerateFiles($"*{Extension}.*.tmp"))
            {
                if (file.LastWriteTimeUtc < until) _folder.Delete(file.Name);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Somebody else clears at the same time.
        }
    }

    /// <summary>Readable, and one of its own for each key also if a file system ignores case or keeps names for devices.</summary>
    private static string FileOf(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (key.Length is 0 or > MaxKeyLength || !key.All(static letter =>
            char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.'))
            throw new ArgumentException(
                $"'{key}' cannot be a key; it must be 1 to {MaxKeyLength} ASCII letters, digits, '-', '_' and '.'.", nameof(key));
        return $"{key.ToLowerInvariant()}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))[..16]}{Extension}";
    }

    private static string ContextOf(string key) => $"state|{key}";
}
