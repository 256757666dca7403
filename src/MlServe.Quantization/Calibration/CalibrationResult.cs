namespace MlServe.Quantization.Calibration;

/// <summary>The ranges that samples gave.</summary>
/// <param name="Ranges">By the value's name.</param>
/// <param name="Samples">How many samples were run.</param>
internal sealed record CalibrationResult(IReadOnlyDictionary<string, TensorRange> Ranges, int Samples);
