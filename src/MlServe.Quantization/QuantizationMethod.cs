namespace MlServe.Quantization;

/// <summary>How a model is made smaller or faster.</summary>
public enum QuantizationMethod
{
    /// <summary>Not at all: the model with its exact rewrites only, in FP32.</summary>
    None = 0,

    /// <summary>Integer operators with ranges that were calibrated on samples. Rows do not influence each other.</summary>
    Static,

    /// <summary>Integer operators whose ranges are taken over each run: a row's answer depends on its neighbours in the batch.</summary>
    Dynamic,

    /// <summary>Weights of 8 bits in the file, FP32 when it runs.</summary>
    Int8Storage,

    /// <summary>Weights of 16-bit floats in the file, FP32 when it runs.</summary>
    Fp16Storage,

    /// <summary>Matrix weights of 8 bits in blocks (MatMulNBits).</summary>
    NBits8,

    /// <summary>Matrix weights of 4 bits in blocks (MatMulNBits).</summary>
    NBits4,
}
