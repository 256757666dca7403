using MlServe.Benchmarks.Scorecard;
using MlServe.Onnx;
using MlServe.Quantization;

namespace MlServe.Benchmarks.Quantization;

/// <summary>The text recognizer of PP-OCRv4 on lines that it was neither calibrated on nor chosen by.</summary>
internal static class OcrRows
{
    public static readonly Claim Lines = Claim.AtLeast("int8.ocr.lines", "share", 0.95);
    public static readonly Claim Speed = Claim.AtLeast("int8.ocr.speed", "ratio", 1.35);
    public static readonly Claim Rewritten = Claim.AtLeast("int8.ocr.fp32_rewritten_speed", "ratio", 1.1);

    // Three sets of lines that have none in common: to take ranges from, to choose nodes by, to measure with.
    private const int Calibration = 0, Selection = 10_000, Evaluation = 200_000;
    private const int SelectionLines = 600, EvaluationLines = 2000;

    public static IEnumerable<ScorecardRow> Measure(int windows)
    {
        if (OcrModels.Fetch(out var reason) is not { } models || TextLines.Open() is not { } fonts)
        {
            reason = reason.Length > 0 ? reason : "there are no DejaVu fonts";
            return [Lines.NotAvailable(reason), Speed.NotAvailable(reason), Rewritten.NotAvailable(reason)];
        }

        using (fonts)
            return [.. Measure(windows, models, fonts)];
    }

    private static IEnumerable<ScorecardRow> Measure(int windows, OcrModels models, TextLines fonts)
    {
        var chosenBy = new LineReader(fonts, Selection, SelectionLines);
        var model = Int8Model.Make(File.ReadAllBytes(models.Recognizer), new QuantizationOptions
        {
            // 2.5 points more than what is claimed: it is chosen on other lines than it is measured on, of which each set is off by half a
            // point or more.
            Gate = new() { MinSpeedup = 1.35, MinSnrDb = null, MinAgreement = null, Evaluate = chosenBy.ShareAsync, MaxLoss = 0.025 },
            MaxSamples = 64,
            SearchBudget = TimeSpan.FromMinutes(4),
        }.CalibrateWith(Enumerable.Range(Calibration, 64)
            .Select(line =>
                PredictionInputs.Rows(PredictionInput.Tensor("x", fonts.Draw(line), [1, 3, TextLines.Height, TextLines.Width])))));

        var judge = new LineReader(fonts, Evaluation, EvaluationLines);
        Share(judge, model.Source);
        var share = Share(judge, model.Quantized);
        yield return Lines.Row(
            Proportion(share, EvaluationLines),
            $"of {EvaluationLines} rendered lines read as FP32 reads them; {model.Note}, {model.Report.Plan.ExcludedNodes.Count} left "
                + $"out, {Share(chosenBy, model.Quantized):P1} of those it was chosen by; size {model.SizeRatio:0.00}");
        long[] input = [1, 3, TextLines.Height, TextLines.Width];
        yield return Int8Rows.OnVnni(
            Speed,
            () =>
                Speed.Row(
                    model.Speed(windows, "x", input, "softmax_11.tmp_0", [1, 40, 6625], fonts.Draw(Evaluation)),
                    "against the model as it comes"));
        yield return model.Report.RewrittenSpeed is { } rewritten
            ? Rewritten.Row(new MedianEstimate(rewritten.Ratio, rewritten.Low, rewritten.High), "FP32 with exact rewrites alone")
            : Rewritten.NotAvailable("nothing was rewritten");
    }

    private static double Share(LineReader reader, byte[] model)
    {
        using var predictor = OnnxPredictor.LoadAsync(ModelSource.FromBytes(model)).AsTask().GetAwaiter().GetResult();
        return reader.ShareAsync(predictor, CancellationToken.None).AsTask().GetAwaiter().GetResult();
    }

    /// <summary>With Wilson's interval of 95 %.</summary>
    private static MedianEstimate Proportion(double share, int count)
    {
        const double Z = 1.96;
        var scale = 1 + (Z * Z / count);
        var center = (share + (Z * Z / (2 * count))) / scale;
        var half = Z / scale * Math.Sqrt((share * (1 - share) / count) + (Z * Z / (4.0 * count * count)));
        return new(share, center - half, center + half);
    }
}
