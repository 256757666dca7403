namespace MlServe.Onnx;

/// <summary>What the warm-up showed.</summary>
/// <param name="Refusals">The runtime's words on each of the rows that were made up, where it answered none; else empty.</param>
/// <param name="UnrepeatableOutput">An output that differed when one row was run again; null where none did.</param>
internal sealed record WarmUpResult(IReadOnlyList<PredictionError> Refusals, string? UnrepeatableOutput);
