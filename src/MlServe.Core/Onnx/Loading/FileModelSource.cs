using MlServe.Onnx.Files;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx;

/// <summary>A model in a file. Anything but a regular file is refused and never waited for.</summary>
/// <param name="path">Its path.</param>
/// <param name="maxBytes">Bytes beyond which it is refused.</param>
/// <param name="threshold">Bytes from which on it comes as a <see cref="LargeFile"/>, which its reader disposes.</param>
internal sealed class FileModelSource(string path, long maxBytes, int threshold = int.MaxValue) : IModelSource
{
    /// <summary>The same for a load, which reads it and lets it go.</summary>
    public FileModelSource ForLoad() => new(path, maxBytes, LargeFile.Threshold);

    public async ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (path.Contains('\0', StringComparison.Ordinal))
        {
            throw new ModelLoadException(ModelLoadFailure.NotFound,
                $"'{path.Replace("\0", "\\0", StringComparison.Ordinal)}' is no path: it has a character of number 0. Give the path of an "
                    + ".onnx file.");
        }

        var full = Path.GetFullPath(path);

        // A file system that lies on another machine may hold the thread for as long as it likes.
        return await BoundedRead.RunAsync(full, Read, cancellationToken).ConfigureAwait(false);
    }

    private ModelContent Read(string full, CancellationToken cancellationToken)
    {
        if (Directory.Exists(full))
            throw new ModelLoadException(ModelLoadFailure.NotFound, $"'{full}' is a folder. Give the path of an .onnx file in it.");
        if (!File.Exists(full))
        {
            throw new ModelLoadException(ModelLoadFailure.NotFound,
                $"There is no file '{full}'.{Elsewhere(full)} A relative path starts at the content root of a host, and without one at the "
                + "working directory; a model that is part of the project needs CopyToOutputDirectory in the project file.");
        }

        var read = ReadBytes(full, cancellationToken);
        return new(read.Bytes, full, Path.GetDirectoryName(full))
        {
            Held = read.Large is null ? null : new LargeFile(read, full, token => ReadBytes(full, token)),
        };
    }

    private FileTarget ReadBytes(string full, CancellationToken cancellationToken)
    {
        var target = new FileTarget(threshold);
        var isRead = false;
        try
        {
            RegularFile.ReadInto(
                target, full, Math.Min(maxBytes, Array.MaxLength), check: RefuseZeros, cancellationToken: cancellationToken);
            isRead = true;
            return target;
        }
        catch (FileRefusedException exception) when (exception.Refusal == FileRefusal.TooLarge)
        {
            throw new ModelLoadException(ModelLoadFailure.TooLarge,
                $"{exception.Message} Raise {nameof(OnnxModelOptions)}.{nameof(OnnxModelOptions.MaxModelBytes)} if you trust where it "
                + "comes from; an ONNX file can hold at most 2 GiB, more goes into external data.", exception);
        }
        catch (FileRefusedException exception)
        {
            throw new ModelLoadException(ModelLoadFailure.Unreadable, exception.Message, exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelLoadException(ModelLoadFailure.Unreadable, $"'{full}' cannot be read: {exception.Message}", exception);
        }
        finally
        {
            if (!isRead) target.Large?.Dispose();
        }
    }

    /// <summary>A file of almost that name beside it, or the one of that name in another folder that paths are taken to start at.</summary>
    private static string Elsewhere(string full)
    {
        try
        {
            var (folder, name) = (Path.GetDirectoryName(full), Path.GetFileName(full));
            if (!Directory.Exists(folder)) return $" There is no folder '{folder}' either.{InOther(full)}";
            var nearest = new NearestName(name, Directory.EnumerateFiles(folder).Select(static file => Path.GetFileName(file))).ToString();
            return nearest.Length > 0 ? nearest : InOther(full);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return "";
        }
    }

    private static string InOther(string full)
    {
        string[] roots = [Environment.CurrentDirectory, AppContext.BaseDirectory];
        for (var parent = Path.GetDirectoryName(full); parent is not null; parent = Path.GetDirectoryName(parent))
        {
            var below = Path.GetRelativePath(parent, full);
            if (Array.Find(roots, root => !IsSame(root, parent) && File.Exists(Path.Combine(root, below))) is { } found)
                return $" There is '{Path.Combine(found, below)}': set the content root, or give the whole path.";
        }

        return "";
    }

    private static bool IsSame(string left, string right) =>
        Path.TrimEndingDirectorySeparator(left) == Path.TrimEndingDirectorySeparator(right);

    /// <summary>The file of an interrupted download may claim gigabytes that are nothing but zeros.</summary>
    private static void RefuseZeros(ReadOnlySpan<byte> bytes)
    {
        if (bytes.ContainsAnyExcept((byte)0)) return;
        OnnxInspector.Inspect(bytes[..Math.Min(bytes.Length, 64)]);
    }
}
