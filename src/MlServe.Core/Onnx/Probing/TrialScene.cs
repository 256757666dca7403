namespace MlServe.Onnx.Probing;

/// <summary>Rows to run alone and together.</summary>
/// <param name="Rows">The rows in their order.</param>
/// <param name="IsEssential">Whether nothing can be said of a model that it was not tried with.</param>
internal sealed record TrialScene(IReadOnlyList<RowPattern> Rows, bool IsEssential = true);
