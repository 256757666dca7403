namespace MlServe.Onnx.Probing;

/// <summary>A row to try a model with.</summary>
/// <param name="Inputs">The request that has it.</param>
/// <param name="SourceRow">Which of the request's rows it is.</param>
internal sealed record TrialRow(PredictionInputs Inputs, int SourceRow = 0);
