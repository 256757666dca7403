namespace MlServe.Onnx.Files;

internal enum FileKind
{
    Other,
    Regular,
    Folder,
    Link,
    Pipe,
    Socket,
    Device,
}
