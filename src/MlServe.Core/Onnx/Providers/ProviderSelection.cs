namespace MlServe.Onnx;

/// <summary>The outcome for the execution providers that were asked for.</summary>
internal readonly record struct ProviderSelection(string InUse, IReadOnlyList<string> PassedOver);
