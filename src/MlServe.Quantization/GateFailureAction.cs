namespace MlServe.Quantization;

/// <summary>The action if a quantized model does not pass its gate.</summary>
public enum GateFailureAction
{
    /// <summary>
    /// The nodes that do most harm, or are slower on integers, stay FP32, in growing groups, until the gate passes. If it does not,
    /// weights of 8 bits in the file if that is not slower than the source, else FP32.
    /// </summary>
    ExcludeNodes = 0,

    /// <summary>
    /// Weights of 8 bits in the file and FP32 when it runs, without a search; if that does not pass or is no smaller, FP32. It is
    /// written for its size: it may be slower than the source, down to <see cref="QuantizationGate.MinSpeed"/>.
    /// </summary>
    Int8Storage,

    /// <summary>A <see cref="QuantizationException"/> with <see cref="QuantizationFailure.GateFailed"/>, and no file.</summary>
    Throw,

    /// <summary>
    /// As <see cref="ExcludeNodes"/>, and if no integers pass, weights of 8 bits for their size, as <see cref="Int8Storage"/>.
    /// </summary>
    Smaller,
}
