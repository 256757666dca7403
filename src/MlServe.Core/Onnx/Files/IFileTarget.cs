namespace MlServe.Onnx.Files;

/// <summary>Takes the bytes of a file while it is read.</summary>
internal interface IFileTarget
{
    /// <summary>The memory for a file of that many bytes. Asked for once.</summary>
    Span<byte> Begin(int length);

    /// <summary>Told that so many bytes from the beginning are there.</summary>
    void HasRead(int bytes);
}
