namespace MlServe.Onnx.Verification;

/// <summary>What checks models: the first that a tool is asked.</summary>
/// <param name="Tool">The version of the tool.</param>
/// <param name="Runtime">The version of its native runtime.</param>
internal sealed record CheckVersions(string Tool, string Runtime);
