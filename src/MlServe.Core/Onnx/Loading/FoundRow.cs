using MlServe.Onnx.Finite;

namespace MlServe.Onnx;

/// <summary>The result of the search for a request that a model takes.</summary>
/// <param name="Row">The request; null if none is known.</param>
/// <param name="Refusals">The runtime's words on each of the rows that were made up, if it answered none; else empty.</param>
/// <param name="Answer">The numbers that it was answered with, if it was run.</param>
/// <param name="Number">Which of the rows that are made up it is; null if the user stated it.</param>
internal sealed record FoundRow(
    PredictionInputs? Row, IReadOnlyList<PredictionError> Refusals, FloatLeaves[]? Answer = null, int? Number = null)
{
    public static readonly FoundRow None = new(null, []);
}
