namespace MlServe.Quantization.Evaluation;

/// <summary>All that is measured of a candidate.</summary>
internal sealed record Measurement
{
    public required ComparisonResult Comparison { get; init; }

    public required SpeedEstimate Speed { get; init; }

    public required long Bytes { get; init; }

    public required long SourceBytes { get; init; }

    /// <summary>Whether inputs were made up, so that classes mean nothing.</summary>
    public bool IsMadeUp { get; init; }

    public double? SourceMetric { get; init; }

    public double? Metric { get; init; }

    /// <summary>Speed of FP32 with its exact rewrites, where those change it.</summary>
    public SpeedEstimate? Rewritten { get; init; }
}
