namespace MlServe.Onnx.Probing;

/// <summary>The outcome of running rows alone and together. A measurement that could not be made is none that was passed.</summary>
internal enum MeasureOutcome
{
    /// <summary>Rows answer differently from each other, and each alike in any company that was tried.</summary>
    Independent,

    /// <summary>A row answered differently in company.</summary>
    Dependent,

    /// <summary>It could not be told.</summary>
    Inconclusive,

    /// <summary>The model took no row that was tried.</summary>
    NoRow,

    /// <summary>Rows do not lie along these axes: several together are refused, or an output has no axis for them.</summary>
    NoAxis,

    /// <summary>One row alone was answered differently the second time.</summary>
    NotRepeatable,
}
