namespace MlServe.Onnx.Rows;

/// <summary>The findings of <see cref="RowFlow"/>.</summary>
internal sealed class RowProof
{
    public required RowIndependence Verdict { get; init; }

    /// <summary>The operator, and the name of the node, that decides; null if rows are proved to be independent, or if no node is to
    /// blame.</summary>
    public string? Node { get; init; }

    /// <summary>Why, in words that go into a sentence after "because": <c>ReduceMean takes the mean over the batch</c>. Empty for a
    /// proof.</summary>
    public string Reason { get; init; } = "";

    /// <summary>
    /// For each output the axis along which its rows lie; null if there is none, or if it is not known. An axis is proved under the
    /// condition that the output
    /// has as many elements along it as there are rows, which a run shows.
    /// </summary>
    public required IReadOnlyList<int?> OutputAxes { get; init; }
}
