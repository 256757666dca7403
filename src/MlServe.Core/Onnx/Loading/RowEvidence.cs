namespace MlServe.Onnx;

/// <summary>The evidence on whether a row's answer is the same in any company.</summary>
public enum RowEvidence
{
    /// <summary>Nothing: no axis is free, or the options say that the model takes one row at a time.</summary>
    None = 0,

    /// <summary>
    /// The model's graph shows it: each row's answer follows from that row, and from what all rows share, alone. Only rounding was
    /// measured.
    /// </summary>
    Proved,

    /// <summary>The graph does not tell; rows that were run alone and in company of many kinds answered alike.</summary>
    Measured,

    /// <summary>It is not: the graph, or a run, shows that company changes answers.</summary>
    Dependent,

    /// <summary>It could not be told. Never a reason to batch.</summary>
    Inconclusive,
}
