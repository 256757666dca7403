namespace MlServe.Onnx;

/// <summary>The common places that models come from.</summary>
public static class ModelSource
{
    /// <summary>A model in a file, read when it is loaded.</summary>
    /// <param name="path">The path of an <c>.onnx</c> file.</param>
    public static IModelSource FromFile(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        return new FileModelSource(path);
    }

    /// <summary>A model in memory: an embedded resource, say.</summary>
    /// <param name="bytes">The content of an <c>.onnx</c> file; must not change afterwards.</param>
    /// <param name="origin">A name for messages and logs.</param>
    public static IModelSource FromBytes(ReadOnlyMemory<byte> bytes, string origin = "memory")
    {
        ArgumentNullException.ThrowIfNull(origin);
        return new BytesModelSource(new(bytes, origin));
    }

    private sealed class BytesModelSource(ModelContent content) : IModelSource
    {
        public ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default) => new(content);
    }
}
