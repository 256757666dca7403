namespace MlServe.Quantization;

/// <summary>The preprocessing of a model, which does not change its answers beyond the last bits.</summary>
public sealed record PreprocessingOptions
{
    /// <summary>
    /// The operator set to raise the model to if its own is lower, 13 to 22. Quantized operators with a scale for each channel need 13. A
    /// model that is higher stays as it is. Default: 13, the lowest that serves.
    /// </summary>
    public int Opset { get; init; } = 13;

    /// <summary>
    /// Whether weights that the model lists among its inputs stay inputs, for callers who give others in their place. Nodes that read them
    /// then stay as they are. Default: false: exporters list them without a need, and as constants they can be folded and quantized. The
    /// model that is written takes no values for them. Models before version 4 of the format list all their weights and take none of them
    /// from callers: there they are always constants.
    /// </summary>
    public bool KeepWeightInputs { get; init; }

    /// <summary>Whether constants, and batch normalization behind convolutions, are folded by ONNX Runtime. Default: true.</summary>
    public bool FoldConstants { get; init; } = true;

    /// <summary>
    /// Whether x * Clip(x + 3, 0, 6) / 6 and its like are written as one HardSigmoid and one multiplication. That is exact but for
    /// rounding, and by itself makes such models faster. Default: true.
    /// </summary>
    public bool RewriteHardSwish { get; init; } = true;

    /// <summary>
    /// Whether multiplications and additions of constants next to convolutions are taken into their weights. That is exact but for
    /// rounding, makes models with learned scales around activations faster, and leaves less to round. Default: true.
    /// </summary>
    public bool FoldAffine { get; init; } = true;

    /// <summary>
    /// Whether convolutions of 1 x 1 are simplified. Those with nothing between them are written as one if that multiplies less. Those
    /// behind a global pooling, as squeeze-and-excitation has them, are written as matrix products. Both rewrites are exact but for
    /// rounding. Default: true.
    /// </summary>
    public bool SimplifyConvolutions { get; init; } = true;
}
