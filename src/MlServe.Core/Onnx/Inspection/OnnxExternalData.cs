namespace MlServe.Onnx.Inspection;

/// <summary>
/// A tensor whose elements are in another file. Nothing here is checked against the disk, and a hostile model may name any path. Resolve
/// <paramref name="Location"/> below the model's own folder, and refuse a path that leaves it.
/// </summary>
/// <param name="TensorName">The tensor's name; empty for a tensor without one, as most attributes are.</param>
/// <param name="Location">The path, relative to the folder of the model, exactly as the file gives it.</param>
/// <param name="Offset">The position of the elements in that file, in bytes; 0 if the model does not say.</param>
/// <param name="Length">How many bytes they take, or null for the rest of the file.</param>
public sealed record OnnxExternalData(string TensorName, string Location, long Offset, long? Length);
