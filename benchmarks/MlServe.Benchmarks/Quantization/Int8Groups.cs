using MlServe.Benchmarks.Scorecard;

namespace MlServe.Benchmarks.Quantization;

/// <summary>What is claimed of quantization.</summary>
internal static class Int8Groups
{
    /// <summary>What a scorecard has time for.</summary>
    public static readonly ScorecardGroup[] Short =
    [
        new([DigitsRows.CnnLoss, DigitsRows.CnnSize, DigitsRows.CnnSpeed], DigitsRows.MeasureCnn),
        new([Int8Rows.EncoderSnr, Int8Rows.Encoder, Int8Rows.EncoderShort], Int8Rows.MeasureEncoder),
        new([Int8Rows.Lstm], Int8Rows.MeasureLstm),
    ];

    public static readonly ScorecardGroup[] All =
    [
        .. Short,
        new([DigitsRows.MlpLoss, DigitsRows.MlpSpeed], DigitsRows.MeasureMlp),
        new([Int8Rows.ResNetSize, Int8Rows.ResNet, Int8Rows.ResNetBatch], Int8Rows.MeasureResNet),
        new([Int8Rows.Mlp, Int8Rows.MlpBatch], Int8Rows.MeasureMlp),
        new([OcrRows.Lines, OcrRows.Speed, OcrRows.Rewritten], OcrRows.Measure),
        new(RewriteRows.Speed, RewriteRows.Measure),
        new([CalibrationRows.Seconds, CalibrationRows.Memory, CalibrationRows.Growth], CalibrationRows.Measure),
        new(PairRows.Claims, PairRows.Measure),
        new([NeverSlowerRows.Classifier, NeverSlowerRows.Rewritten], NeverSlowerRows.MeasureClassifier),
        new(NeverSlowerRows.Tiny, NeverSlowerRows.MeasureTiny),
        new(NeverSlowerRows.Flowers, NeverSlowerRows.MeasureFlowers),
    ];
}
