namespace MlServe.Onnx.Verification;

/// <summary>The versions of a tool that checks models: the first that it is asked.</summary>
/// <param name="Tool">The version of the tool.</param>
/// <param name="Runtime">The version of its native runtime.</param>
internal sealed record CheckVersions(string Tool, string Runtime);
