namespace MlServe.Onnx.Files;

internal enum FileRefusal
{
    NotRegular,
    TooLarge,
    Changed,
    NotTrusted,
}
