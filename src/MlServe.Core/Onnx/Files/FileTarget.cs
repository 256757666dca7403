namespace MlServe.Onnx.Files;

/// <summary>Takes a small file into an array, and a large one into memory that can be given back by pieces.</summary>
internal sealed class FileTarget(int threshold) : IFileTarget
{
    /// <summary>The large file; null: it is an array.</summary>
    public HashedBytes? Large { get; private set; }

    public ReadOnlyMemory<byte> Bytes { get; private set; }

    public Span<byte> Begin(int length)
    {
        Large = length >= threshold ? HashedBytes.TryCreate(length) : null;
        if (Large is not null)
        {
            Bytes = Large.Memory;
            return Large.ToBeRead();
        }

        var array = GC.AllocateUninitializedArray<byte>(length);
        Bytes = array;
        return array;
    }

    public void HasRead(int bytes) => Large?.HasRead(bytes);
}
