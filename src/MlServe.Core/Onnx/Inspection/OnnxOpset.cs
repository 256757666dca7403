namespace MlServe.Onnx.Inspection;

/// <summary>An operator set that a model, or a function in it, imports.</summary>
/// <param name="Domain">The domain; ONNX's own is <c>ai.onnx</c>, also if the file leaves it empty.</param>
/// <param name="Version">The version, as the file gives it.</param>
public sealed record OnnxOpset(string Domain, long Version);
