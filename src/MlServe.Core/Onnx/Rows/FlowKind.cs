namespace MlServe.Onnx.Rows;

/// <summary>How a value in company relates to what it is when its rows run alone.</summary>
internal enum FlowKind
{
    /// <summary>The same: it follows from constants and from what all rows share.</summary>
    Shared,

    /// <summary>The values of the rows alone, one behind the other along an axis.</summary>
    Rows,

    /// <summary>It follows from the number of rows, and from what all share, but not from the rows' data.</summary>
    Count,

    /// <summary>Its rows may depend on their company: <see cref="FlowValue.Cause"/> says why.</summary>
    Broken,

    /// <summary>A sequence of tensors, as many as alone, each as <see cref="FlowValue.Element"/> says.</summary>
    Sequence,

    /// <summary>A sequence with an element for each row.</summary>
    RowSequence,
}
