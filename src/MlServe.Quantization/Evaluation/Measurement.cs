using MlServe.Quantization.Verification;

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

    /// <summary>Whether it was compared on rows that nothing was chosen by, and run on other shapes and values: the last word.</summary>
    public bool IsFinal { get; init; }

    public double? SourceMetric { get; init; }

    public double? Metric { get; init; }

    /// <summary>Speed of FP32 with its exact rewrites, if those change it.</summary>
    public SpeedEstimate? Rewritten { get; init; }

    /// <summary>Speed against FP32 with its exact rewrites, in turns with it; null if it was not measured.</summary>
    public SpeedEstimate? AgainstRewritten { get; init; }

    /// <summary>The outcome of running it on other shapes and values; null if that was not done yet.</summary>
    public CheckResult? Form { get; init; }
}
