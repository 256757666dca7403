namespace MlServe.Quantization;

/// <summary>What is done where a quantized model does not pass its gate.</summary>
public enum GateFailureAction
{
    /// <summary>
    /// The nodes that do most harm, or are slower on integers, stay FP32, in growing groups, until the gate passes; where it does not, as <see cref="Int8Storage"/>.
    /// </summary>
    ExcludeNodes = 0,

    /// <summary>Weights of 8 bits in the file and FP32 when it runs; where that does not pass or is no smaller, FP32.</summary>
    Int8Storage,

    /// <summary>A <see cref="QuantizationException"/> with <see cref="QuantizationFailure.GateFailed"/>, and no file.</summary>
    Throw,
}
