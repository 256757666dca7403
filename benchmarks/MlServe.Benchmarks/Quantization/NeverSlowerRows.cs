using MlServe.Benchmarks.Measurement;
using MlServe.Benchmarks.Scorecard;
using MlServe.Quantization;
using MlServe.Quantization.Evaluation;
using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;
using MlServe.TestModels;

namespace MlServe.Benchmarks.Quantization;

/// <summary>Models that integers make slower: what the default gate writes for them is not.</summary>
internal static class NeverSlowerRows
{
    public static readonly Claim Classifier = Claim.AtLeast("int8.never_slower.classifier", "ratio", 0.97);
    public static readonly Claim Rewritten = Claim.AtLeast("int8.classifier_rewritten", "ratio", 1.35);
    public static readonly Claim Tiny = Claim.AtLeast("int8.never_slower.mlp_tiny", "ratio", 0.97);
    public static readonly Claim Flowers = Claim.AtLeast("int8.never_slower.mobilenetv2", "ratio", 0.97);

    private const int Samples = 64;
    private const string FlowersPath = "data/models/image/st_mobilenetv2_035_128_flowers.onnx";

    private static readonly int[] TinySizes = [64, 128, 64, 10];

    public static IEnumerable<ScorecardRow> MeasureClassifier(int windows)
    {
        if (OcrModels.Fetch(out var reason) is not { } models) return [Classifier.NotAvailable(reason), Rewritten.NotAvailable(reason)];
        long[] shape = [1, 3, 48, 192];
        var samples = RandomInputs.Make(Samples, "x", shape).ToList();
        var model = Int8Model.Make(File.ReadAllBytes(models.Classifier), new QuantizationOptions().CalibrateWith(samples));
        return
        [
            Row(Classifier, model, samples[0], "PP-OCR direction classifier, batch 1"),
            Rewritten.Row(
                Rewrite(model).Speed(windows, "x", shape, "softmax_0.tmp_0", [1, 2]),
                $"FP32 with exact rewrites alone: {string.Join(" ", model.Report.Preprocessing)}"),
        ];
    }

    public static ScorecardRow MeasureTiny(int windows)
    {
        var samples = RandomInputs.Make(Samples, "x", [1, TinySizes[0]]).ToList();
        var model = Int8Model.Make(OnnxModel.Mlp(1, TinySizes), new QuantizationOptions().CalibrateWith(samples));
        return Row(Tiny, model, samples[0], $"MLP {string.Join('-', TinySizes)}, batch 1");
    }

    public static ScorecardRow MeasureFlowers(int windows)
    {
        if (SharedFolder.Find(FlowersPath) is not { } path) return Flowers.NotAvailable($"there is no shared/{FlowersPath}");
        var samples = RandomSamples.ForAsync(path, Samples, seed: 1, CancellationToken.None).GetAwaiter().GetResult();
        var model = Int8Model.Make(File.ReadAllBytes(path), new QuantizationOptions().CalibrateWith(samples));
        return Row(Flowers, model, samples[0], "st_mobilenetv2_035_128_flowers, batch 1");
    }

    private static Int8Model Rewrite(Int8Model model) =>
        model with { Quantized = OnnxFile.ToBytes(Preprocessor.Run(ModelProto.Parser.ParseFrom(model.Source), new()).Model) };

    private static ScorecardRow Row(Claim claim, Int8Model model, in PredictionInputs sample, string what)
    {
        var report = model.Report;
        return claim.Row(
            Of(report.Speed ?? Compare(model, in sample)),
            $"{what}, default gate; {model.Note}; {report.MethodReason}; size {model.SizeRatio:0.00}");
    }

    /// <summary>What was written where the source itself was: the report has no speed of it.</summary>
    private static SpeedEstimate Compare(Int8Model model, in PredictionInputs sample)
    {
        using var predictor = MlServe.Onnx.OnnxPredictor.LoadAsync(MlServe.Onnx.ModelSource.FromBytes(model.Source))
            .AsTask()
            .GetAwaiter()
            .GetResult();
        using var encoded = new SampleEncoder(predictor.Signature).Encode(0, in sample);
        using var source = GraphSession.Open(model.Source);
        using var written = GraphSession.Open(model.Quantized);
        return SpeedComparison.Measure(source, written, encoded, threshold: 0.97, CancellationToken.None);
    }

    private static MedianEstimate Of(SpeedEstimate speed) => new(speed.Ratio, speed.Low, speed.High);
}
