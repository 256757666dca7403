namespace MlServe;

/// <summary>The bytes of a model and their origin.</summary>
/// <param name="Bytes">The ONNX file's content. Must not change afterwards.</param>
/// <param name="Origin">A path, an address or a name, for messages and logs.</param>
/// <param name="Folder">The folder in which weights in other files are looked for, if they are allowed; null: none.</param>
public sealed record ModelContent(ReadOnlyMemory<byte> Bytes, string Origin, string? Folder = null)
{
    /// <summary>
    /// The digest of the bytes that were verified in a process of their own, and the version of the runtime there; null: none were.
    /// </summary>
    internal (string Digest, string Runtime)? Verified { get; init; }

    /// <summary>The memory of the bytes, if it can be given back; the one who reads the model disposes it. Null: an array.</summary>
    internal IDisposable? Held { get; init; }

    /// <summary>Gives the memory back of a model that was read after nobody waited for it any more.</summary>
    internal static void LetGo(Task late)
    {
        if (late is Task<ModelContent> { IsCompletedSuccessfully: true } read) read.GetAwaiter().GetResult().Held?.Dispose();
    }
}
