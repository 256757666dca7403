namespace MlServe.Onnx;

/// <summary>The result of the search for the batch axis.</summary>
/// <param name="Signature">The signature, with batch axes or without any.</param>
/// <param name="Evidence">The evidence about rows in company.</param>
internal sealed record BatchAxisFinding(ModelSignature Signature, RowEvidence Evidence)
{
    /// <summary>Why it was found so, a sentence.</summary>
    public string Reason { get; init; } = "";

    /// <summary>The operator and the node that decide; null if none does.</summary>
    public string? Node { get; init; }

    /// <summary>The largest share of an output's magnitude by which a row differed in company; null if that was not measured.</summary>
    public double? Rounding { get; init; }

    /// <summary>A warning to the user about an axis that was stated against the evidence; null if there is none.</summary>
    public string? Warning { get; init; }
}
