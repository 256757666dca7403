using MlServe.Onnx.Graphs;

namespace MlServe.Onnx.Rows;

/// <summary>Follows the rows of a batch through a graph, and tells whether one can reach another's answer.</summary>
internal static class RowFlow
{
    /// <summary>Follows rows that lie along the given axes.</summary>
    /// <param name="graph">The model.</param>
    /// <param name="inputAxes">For each of <see cref="OnnxGraph.SessionInputs"/> the batch axis; null for one that holds for all rows.</param>
    /// <param name="cancellationToken">Cancels the work, which is bounded also without.</param>
    public static RowProof Follow(OnnxGraph graph, IReadOnlyList<int?> inputAxes, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return new() { Verdict = RowIndependence.Unknown, Reason = "no operator is followed yet", OutputAxes = new int?[graph.Main.Outputs.Count] };
    }
}
