namespace MlServe.Onnx;

/// <summary>What became of the execution providers that were asked for.</summary>
internal readonly record struct ProviderSelection(string InUse, IReadOnlyList<string> PassedOver);
