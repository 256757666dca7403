using Google.Protobuf;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Model;

/// <summary>Writes models: whole or not at all, under a temporary name that is changed when all is there.</summary>
internal static class OnnxFile
{
    public static byte[] ToBytes(ModelProto model)
    {
        try
        {
            return model.ToByteArray();
        }
        catch (Exception exception) when (exception is OverflowException or OutOfMemoryException or ArgumentOutOfRangeException)
        {
            throw new QuantizationException(
                QuantizationFailure.TooLarge, "The model would have more than 2 GB, which one ONNX file cannot hold.", exception);
        }
    }

    /// <summary>Refuses a destination that cannot be written to, before any work is done for it.</summary>
    public static void CheckDestination(string source, string destination)
    {
        var full = Path.GetFullPath(destination);
        if (SameFile(Path.GetFullPath(source), full))
        {
            throw new QuantizationException(QuantizationFailure.Destination,
                $"The destination '{full}' is the source. Give another name: the source is needed to compare with.");
        }

        if (Directory.Exists(full))
            throw new QuantizationException(
                QuantizationFailure.Destination, $"The destination '{full}' is a folder. Give the path of a file.");
        if (Path.GetDirectoryName(full) is { } folder && !Directory.Exists(folder))
            throw new QuantizationException(
                QuantizationFailure.Destination, $"There is no folder '{folder}' to write to. Create it first.");
    }

    public static async Task WriteAsync(string destination, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var full = Path.GetFullPath(destination);
        var temporary = $"{full}.{Guid.NewGuid():N}.tmp";
        try
        {
            await using (var stream = new FileStream(
                temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16, useAsync: true))
                await stream.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            File.Move(temporary, full, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new QuantizationException(QuantizationFailure.Destination, $"'{full}' cannot be written: {exception.Message}", exception);
        }
        finally
        {
            TryDelete(temporary);
        }
    }

    /// <summary>Whether two full paths lead to one file.</summary>
    public static bool SameFile(string source, string destination)
    {
        var comparison = OperatingSystem.IsWindows() || OperatingSystem.IsMacOS()
            ? StringComparison.OrdinalIgnoreCase
            : StringComparison.Ordinal;
        return string.Equals(Final(source), Final(destination), comparison);
    }

    /// <summary>The end of a path, whichever of its folders is a link.</summary>
    private static string Final(string path)
    {
        if (Path.GetDirectoryName(path) is not { } folder) return path;
        var here = Path.Combine(Final(folder), Path.GetFileName(path));
        FileSystemInfo info = Directory.Exists(here) ? new DirectoryInfo(here) : new FileInfo(here);
        return info.Exists && info.ResolveLinkTarget(returnFinalTarget: true) is { } target ? Final(target.FullName) : here;
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (IOException)
        {
        }
        catch (UnauthorizedAccessException)
        {
        }
    }
}
