namespace MlServe.Onnx.Files;

/// <summary>A file can be had, and is not one that is read here. The message names it and says what to do.</summary>
internal sealed class FileRefusedException(FileRefusal refusal, string message, Exception? innerException = null)
    : IOException(message, innerException)
{
    public FileRefusal Refusal { get; } = refusal;
}
