namespace MlServe.Quantization.Calibration;

/// <summary>How ranges are found.</summary>
internal sealed record CalibrationSettings
{
    public CalibrationMethod Method { get; init; } = CalibrationMethod.MinMax;

    public double Percentile { get; init; } = 99.99;
}
