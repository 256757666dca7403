namespace MlServe;

/// <summary>An executor's knowledge of a request that it has checked.</summary>
/// <param name="Shape">The lanes that the request fits.</param>
/// <param name="Rows">The rows that it holds; 1 for a model that is not batchable.</param>
/// <param name="IsRow">Whether the answer leaves out the batch axis.</param>
/// <param name="Outputs">The outputs that it asks for.</param>
internal readonly record struct PreparedRequest(LaneShape Shape, int Rows, bool IsRow, OutputSelection Outputs);
