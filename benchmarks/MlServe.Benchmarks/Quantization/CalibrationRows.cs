using System.Globalization;
using MlServe.Benchmarks.Scorecard;

namespace MlServe.Benchmarks.Quantization;

/// <summary>Time and memory of calibrating the text recognizer, each time in a fresh process.</summary>
internal static class CalibrationRows
{
    public static readonly Claim Seconds = Claim.AtMost("int8.calibration_s", "s", 5);
    public static readonly Claim Memory = Claim.AtMost("int8.calibration_mb", "MB", 200);
    public static readonly Claim Growth = Claim.AtMost("int8.calibration_growth_mb", "MB", 20);

    private const int Usual = 64, Few = 16, Many = 1024;
    private const int Children = 3;

    public static IEnumerable<ScorecardRow> Measure(int windows)
    {
        if (OcrModels.Fetch(out var reason) is null || !HasFonts())
        {
            reason = reason.Length > 0 ? reason : "there are no DejaVu fonts";
            return [Seconds.NotAvailable(reason), Memory.NotAvailable(reason), Growth.NotAvailable(reason)];
        }

        return MeasureChildren();
    }

    private static IEnumerable<ScorecardRow> MeasureChildren()
    {
        var usual = Start(Usual, Children);
        yield return Seconds.Row(MedianEstimate.Of([.. usual.Select(static cost => cost.Seconds)]), string.Create(
            CultureInfo.InvariantCulture,
            $"PP-OCRv4 recognizer, MinMax, {Usual} samples of which a quarter is held back, {Children} fresh processes; {usual[0].Values} "
                + $"values, their channels and the biases; the ranges alone {usual.Min(static cost => cost.RangesSeconds):0.0} s"));
        yield return Memory.Row(MedianEstimate.Of([.. usual.Select(static cost => cost.ExtraMb)]),
            "the same processes; greatest working set during it less that from before it, the source open in both");

        // One run of many samples, because it takes long; the interval is that of the runs of few.
        var few = Start(Few, Children);
        var many = Start(Many, 1)[0];
        yield return Growth.Row(
            new MedianEstimate(
                many.ExtraMb - Median(few), many.ExtraMb - few.Max(static cost => cost.ExtraMb),
                many.ExtraMb - few.Min(static cost => cost.ExtraMb)),
            string.Create(
                CultureInfo.InvariantCulture,
                $"one process with {Many} samples ({many.ExtraMb:0} MB, {many.Seconds:0.0} s) less the median of {Children} with {Few} "
                    + $"({Median(few):0} MB); samples are drawn when they are asked for"));
    }

    private static double Median(CalibrationCost[] costs) => MedianEstimate.Of([.. costs.Select(static cost => cost.ExtraMb)]).Median;

    private static CalibrationCost[] Start(int samples, int children) =>
        [.. Enumerable.Range(0, children).Select(_ => CalibrationChild.Start(samples))];

    private static bool HasFonts()
    {
        using var fonts = TextLines.Open();
        return fonts is not null;
    }
}
