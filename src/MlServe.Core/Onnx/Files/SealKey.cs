using System.Security.Cryptography;

namespace MlServe.Onnx.Files;

/// <summary>
/// The key by which a process knows again what it wrote: random bytes in a file that only its owner may read. Without one, nobody else's
/// file can be told from one's own.
/// </summary>
internal sealed class SealKey
{
    public const int Size = 32;
    private const int MaxSize = 4096;
    private const UnixFileMode ForOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode FolderForOwner = ForOwner | UnixFileMode.UserExecute;

    private readonly byte[] _key;

    private SealKey(byte[] key, string path) => (_key, Path) = (key, path);

    /// <summary>Its path.</summary>
    public string Path { get; }

    /// <summary>Its path unless another is named: among the user's own data. Null if the user has no place for such.</summary>
    public static string? DefaultPath
    {
        get
        {
            var data = Environment.GetFolderPath(
                Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
            return data.Length == 0 ? null : System.IO.Path.Combine(data, "MlServe", "seal.key");
        }
    }

    /// <summary>Reads a key; makes it if there is none.</summary>
    /// <exception cref="IOException">There is none and none can be made, or others may read or replace it. The message says
    /// which.</exception>
    public static SealKey Load(string path)
    {
        path = System.IO.Path.GetFullPath(path);
        try
        {
            if (!File.Exists(path)) Make(path);
            if (ProblemOf(path) is { } problem)
                throw new FileRefusedException(
                    FileRefusal.NotTrusted, $"The key file '{path}' is not used: {problem}. Let only its owner read it (mode 0600).");

            // Who made it at the same time may still be taking its other name away, which counts as a change.
            var key = RegularFile.ReadSettled(path, MaxSize);
            if (key.Length < Size)
            {
                throw new FileRefusedException(FileRefusal.NotTrusted,
                    $"The key file '{path}' has {key.Length} bytes; a key has {Size} or more. Delete it, and another is made.");
            }

            return new(key, path);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new IOException($"The key file '{path}' cannot be read or made: {exception.Message}", exception);
        }
    }

    /// <summary>Begins a hash that only a holder of the key can make.</summary>
    public IncrementalHash Begin() => IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key);

    private static void Make(string path)
    {
        var folder = System.IO.Path.GetDirectoryName(path)!;
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(folder);
        else Directory.CreateDirectory(folder, FolderForOwner);
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            var creation = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows()) creation.UnixCreateMode = ForOwner;
            using (var file = new FileStream(temporary, creation))
            {
                file.Write(RandomNumberGenerator.GetBytes(Size));
                file.Flush(flushToDisk: true);
            }

            // Another process may make one at the same time: the first to move it into place has made it.
            File.Move(temporary, path, overwrite: false);
        }
        catch (IOException) when (File.Exists(path))
        {
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private static string? ProblemOf(string path)
    {
        if (OperatingSystem.IsWindows()) return null;
        if (FileStatus.CurrentUser is not { } user)
            return (File.GetUnixFileMode(path) & ~ForOwner & (UnixFileMode)0x3F) == 0 ? null : "others than its owner may read or write it";

        // A link is followed: secrets are often mounted so. What it leads to counts.
        if (FileStatus.Of(path) is not { } status) return "it cannot be looked at";
        if (status.Owner != user && status.Owner != 0) return FormattableString.Invariant($"it belongs to user {status.Owner}");
        if (status.IsOpenToOthers) return "others than its owner may read or write it";
        return FileStatus.Of(System.IO.Path.GetDirectoryName(path)!) is { IsWritableByOthers: false } folder
            && (folder.Owner == user || folder.Owner == 0)
            ? null
            : "others than its owner may put another into its place";
    }
}
