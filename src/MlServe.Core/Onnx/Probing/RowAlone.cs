namespace MlServe.Onnx.Probing;

/// <summary>A row that was run alone.</summary>
/// <param name="Row">The row.</param>
/// <param name="Answer">Its outputs; null if the model does not take it.</param>
internal sealed record RowAlone(TrialRow Row, OutputValue[]? Answer);
