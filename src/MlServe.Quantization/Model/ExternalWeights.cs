using System.Globalization;
using Google.Protobuf;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Model;

/// <summary>
/// Takes weights from other files into the model. Only files of the model's own folder are read. The quantized model is smaller, and lies
/// in one file again.
/// </summary>
internal static class ExternalWeights
{
    /// <summary>The most that one ONNX file can hold, less room for the graph.</summary>
    public const long MaxBytes = int.MaxValue - (64L * 1024 * 1024);

    private const int External = 1;

    /// <returns>The bytes that were taken in.</returns>
    public static long Embed(ModelProto model, ModelContent content, ContentDigest digest)
    {
        TensorProto[] tensors = [.. Tensors(model).Where(static tensor => tensor.DataLocation == External)];
        if (tensors.Length == 0) return 0;
        if (content.Folder is not { } folder)
        {
            throw new QuantizationException(QuantizationFailure.Unreadable,
                $"{content.Origin} keeps weights in other files ('{Entry(tensors[0], "location")}'), and it is not known in which folder. "
                    + "Quantize it from its file.");
        }

        var total = content.Bytes.Length + 0L;
        foreach (var tensor in tensors)
        {
            var (path, offset, length) = Place(tensor, folder, content.Origin);
            total += length;
            if (total > MaxBytes)
            {
                throw new QuantizationException(QuantizationFailure.TooLarge,
                    $"{content.Origin} and its external data have more than {MaxBytes} bytes. Models of 2 GB and more are not quantized: "
                        + "split it, or quantize its parts.");
            }

            var bytes = new byte[length];
            try
            {
                using var file = File.OpenRead(path);
                file.Position = offset;
                file.ReadExactly(bytes);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw new QuantizationException(QuantizationFailure.Unreadable,
                    $"Weights '{tensor.Name}' ({length} bytes from {offset} of '{path}') cannot be read: {exception.Message}", exception);
            }

            digest.Add(bytes);
            tensor.RawData = UnsafeByteOperations.UnsafeWrap(bytes);
            tensor.ExternalData.Clear();
            tensor.ClearDataLocation();
        }

        return total - content.Bytes.Length;
    }

    private static (string Path, long Offset, int Length) Place(TensorProto tensor, string folder, string origin)
    {
        var location = Entry(tensor, "location") ?? "";
        var root = Path.GetFullPath(folder) + Path.DirectorySeparatorChar;
        var path = location.Contains('\0', StringComparison.Ordinal) || Path.IsPathRooted(location)
            ? ""
            : Path.GetFullPath(Path.Combine(root, location));
        if (location.Length == 0 || !path.StartsWith(root, StringComparison.Ordinal) || LeadsOut(path, root))
        {
            throw new QuantizationException(QuantizationFailure.Unreadable,
                $"{origin} keeps weights '{tensor.Name}' in '{location.Replace("\0", "\\0", StringComparison.Ordinal)}', outside of its "
                    + "own folder; such a file is not read.");
        }

        var offset = Number(tensor, "offset", 0);
        var exists = File.Exists(path);
        var length = Number(tensor, "length", exists ? new FileInfo(path).Length - offset : 0);
        if (!exists || offset < 0 || length < 0 || length > MaxBytes || offset > new FileInfo(path).Length - length)
        {
            throw new QuantizationException(QuantizationFailure.Unreadable,
                $"Weights '{tensor.Name}' should be {length} bytes from {offset} of '{path}', "
                    + $"and the file {(exists ? $"has {new FileInfo(path).Length}" : "is not there")}.");
        }

        return (path, offset, (int)length);
    }

    private static bool LeadsOut(string path, string root)
    {
        for (var part = path; part.Length > root.Length; part = Path.GetDirectoryName(part)!)
        {
            FileSystemInfo info = Directory.Exists(part) ? new DirectoryInfo(part) : new FileInfo(part);
            if (info.ResolveLinkTarget(returnFinalTarget: true) is { } target
                && !target.FullName.StartsWith(root, StringComparison.Ordinal))
                return true;
        }

        return false;
    }

    private static long Number(TensorProto tensor, string key, long otherwise)
    {
        if (Entry(tensor, key) is not { } text) return otherwise;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new QuantizationException(
                QuantizationFailure.Unreadable, $"Weights '{tensor.Name}' have the {key} '{text}', which is no number.");
    }

    private static string? Entry(TensorProto tensor, string key) => tensor.ExternalData.FirstOrDefault(entry => entry.Key == key)?.Value;

    private static IEnumerable<TensorProto> Tensors(ModelProto model)
    {
        NodeProto[] inFunctions = [.. model.Functions.SelectMany(static function => function.Node)];
        return Graphs.Of(model).Concat(Graphs.Within(inFunctions))
            .SelectMany(static graph => graph.Initializer.Concat(graph.Node.SelectMany(TensorsOf)))
            .Concat(inFunctions.SelectMany(TensorsOf));
    }

    private static IEnumerable<TensorProto> TensorsOf(NodeProto node) =>
        node.Attribute.SelectMany(static attribute => attribute.T is { } tensor ? attribute.Tensors.Prepend(tensor) : attribute.Tensors);
}
