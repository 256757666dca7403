namespace MlServe.Onnx;

/// <summary>A model in a file.</summary>
internal sealed class FileModelSource(string path) : IModelSource
{
    public async ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (path.Contains('\0', StringComparison.Ordinal))
        {
            throw new ModelLoadException(ModelLoadFailure.NotFound,
                $"'{path.Replace("\0", "\\0", StringComparison.Ordinal)}' is no path: it has a character of number 0. Give the path of an .onnx file.");
        }

        var full = Path.GetFullPath(path);
        if (Directory.Exists(full))
            throw new ModelLoadException(ModelLoadFailure.NotFound, $"'{full}' is a folder. Give the path of an .onnx file in it.");
        if (!File.Exists(full))
        {
            throw new ModelLoadException(ModelLoadFailure.NotFound,
                $"There is no file '{full}'. A relative path starts at the current directory; a model that is part of the project needs "
                + "CopyToOutputDirectory in the project file.");
        }

        try
        {
            var length = new FileInfo(full).Length;
            if (length > Array.MaxLength)
            {
                throw new ModelLoadException(ModelLoadFailure.TooLarge,
                    $"'{full}' has {length} bytes; an ONNX file can hold at most 2 GiB. Keep the weights in external data.");
            }

            var bytes = await File.ReadAllBytesAsync(full, cancellationToken).ConfigureAwait(false);
            return new(bytes, full, Path.GetDirectoryName(full));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelLoadException(ModelLoadFailure.Unreadable, $"'{full}' cannot be read: {exception.Message}", exception);
        }
    }
}
