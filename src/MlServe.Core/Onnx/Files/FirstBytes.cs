namespace MlServe.Onnx.Files;

/// <summary>Looks at the beginning of a file, and throws if the rest need not be read.</summary>
internal delegate void FirstBytes(ReadOnlySpan<byte> bytes);
