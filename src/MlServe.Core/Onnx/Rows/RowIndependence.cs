namespace MlServe.Onnx.Rows;

/// <summary>The evidence on rows' answers from following the rows through a graph.</summary>
internal enum RowIndependence
{
    /// <summary>The graph does not tell: there is an operator, a shape or a layout that is not understood.</summary>
    Unknown,

    /// <summary>Each row's answer follows from that row, and from what all rows share, alone. Rounding may still differ with the
    /// company.</summary>
    Proved,

    /// <summary>A row's answer depends on its company.</summary>
    Disproved,
}
