namespace MlServe.Benchmarks.Quantization;

/// <summary>What one calibration took.</summary>
/// <param name="Seconds">Ranges, channels and biases, without drawing the samples.</param>
/// <param name="RangesSeconds">Of it the ranges of whole values, with drawing.</param>
/// <param name="ExtraMb">The greatest working set, less that from before it.</param>
/// <param name="Values">Values that have a range.</param>
internal sealed record CalibrationCost(double Seconds, double RangesSeconds, double ExtraMb, int Values);
