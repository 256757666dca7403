namespace MlServe.Quantization;

/// <summary>How integer operators are written.</summary>
public enum QuantizationFormat
{
    /// <summary>
    /// Float operators between QuantizeLinear and DequantizeLinear: every execution provider reads it, and the runtime fuses it.
    /// </summary>
    Qdq = 0,

    /// <summary>
    /// Integer operators themselves (QLinearConv, QGemm and so on), as ONNX Runtime fuses them on the processor: loads faster, and runs
    /// nowhere else.
    /// </summary>
    QOperator,
}
