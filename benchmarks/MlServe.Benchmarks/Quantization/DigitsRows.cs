using System.IO.Compression;
using MlServe.Benchmarks.Scorecard;
using MlServe.Onnx;
using MlServe.Quantization;

namespace MlServe.Benchmarks.Quantization;

/// <summary>The digits models of the samples on all 10,000 test images of MNIST.</summary>
internal static class DigitsRows
{
    public static readonly Claim CnnLoss = Claim.AtMost("int8.digits.loss", "point", 0.1);
    public static readonly Claim CnnSize = Claim.AtMost("int8.digits.size", "ratio", 0.30);
    public static readonly Claim CnnSpeed = Claim.AtLeast("int8.digits.speed", "ratio", 1.0);
    public static readonly Claim MlpLoss = Claim.AtMost("int8.digits_small.loss", "point", 0.1);
    public static readonly Claim MlpSpeed = Claim.AtLeast("int8.digits_small.speed", "ratio", 0.97);

    private const int Pixels = 28 * 28;
    private const int Images = 10_000;

    public static IEnumerable<ScorecardRow> MeasureCnn(int windows)
    {
        var model = Make("digits.onnx");
        yield return CnnLoss.Row(Math.Round(Loss(model), 3), $"accuracy lost on {Images} images; {model.Note}");
        yield return CnnSize.Row(Math.Round(model.SizeRatio, 3), "file against file");
        yield return Int8Rows.OnVnni(CnnSpeed, () => CnnSpeed.Row(Speed(model, windows), "batch 1"));
    }

    public static IEnumerable<ScorecardRow> MeasureMlp(int windows)
    {
        var model = Make("digits-small.onnx");
        yield return MlpLoss.Row(
            Math.Round(Loss(model), 3), $"accuracy lost on {Images} images; size {model.SizeRatio:0.00}; {model.Note}");
        yield return Int8Rows.OnVnni(MlpSpeed, () => MlpSpeed.Row(Speed(model, windows), "batch 1; never slower, because it is refused"));
    }

    private static MedianEstimate Speed(Int8Model model, int windows) =>
        model.Speed(windows, "image", [1, 1, 28, 28], "logits", [1, 10], Read(7, 1));

    private static Int8Model Make(string name) => Int8Model.Make(File.ReadAllBytes(PathOf(name)),
        new QuantizationOptions().CalibrateWith(Enumerable.Range(0, 256).Select(static i => Inputs(i * 8, 8))));

    /// <summary>Points of a hundred.</summary>
    private static double Loss(Int8Model model) => 100 * (Accuracy(model.Source) - Accuracy(model.Quantized));

    private static double Accuracy(byte[] model)
    {
        const int Batch = 100;
        using var predictor = OnnxPredictor.LoadAsync(ModelSource.FromBytes(model)).AsTask().GetAwaiter().GetResult();
        var labels = Unzip("mnist-test-labels.idx1-ubyte.gz")[8..];
        var right = 0;
        for (var first = 0; first < Images; first += Batch)
        {
            using var prediction = predictor.PredictAsync(Inputs(first, Batch)).AsTask().GetAwaiter().GetResult().EnsureOk();
            var scores = prediction["logits"].AsSpan<float>();
            for (var row = 0; row < Batch; row++)
            {
                if (System.Numerics.Tensors.TensorPrimitives.IndexOfMax(scores.Slice(row * 10, 10)) == labels[first + row]) right++;
            }
        }

        return (double)right / Images;
    }

    private static PredictionInputs Inputs(int first, int rows) =>
        PredictionInputs.Rows(PredictionInput.Tensor("image", Read(first, rows), [rows, 1, 28, 28]));

    private static readonly Lazy<byte[]> AllPixels = new(static () => Unzip("mnist-test-images.idx3-ubyte.gz")[16..]);

    private static float[] Read(int first, int rows) =>
        [.. AllPixels.Value.AsSpan(first * Pixels, rows * Pixels).ToArray().Select(static pixel => pixel / 255f)];

    private static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "assets", name);

    private static byte[] Unzip(string name)
    {
        using var file = new GZipStream(File.OpenRead(PathOf(name)), CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        file.CopyTo(bytes);
        return bytes.ToArray();
    }
}
