using System.IO.Compression;

namespace MlServe.Quantization;

/// <summary>The digits model of the samples, and the images that it was never trained on.</summary>
internal static class Digits
{
    private const int Pixels = 28 * 28;

    private static readonly Lazy<byte[]> Images = new(static () => Read("mnist-test-images.idx3-ubyte.gz")[16..]);
    private static readonly Lazy<byte[]> Labels = new(static () => Read("mnist-test-labels.idx1-ubyte.gz")[8..]);

    public static string Model => PathOf("digits.onnx");

    public static string SmallModel => PathOf("digits-small.onnx");

    /// <summary>Batches of images, in order.</summary>
    public static IEnumerable<PredictionInputs> Samples(int count, int rows = 1, int first = 0)
    {
        for (var i = 0; i < count; i++)
            yield return Rows(first + (i * rows), rows);
    }

    /// <summary>The share of images that are read as what they show.</summary>
    public static async ValueTask<double> AccuracyAsync(IPredictor predictor, int first, int count, CancellationToken cancellationToken)
    {
        const int Batch = 50;
        var right = 0;
        for (var start = first; start < first + count; start += Batch)
        {
            using var prediction = (await predictor.PredictAsync(Rows(start, Batch), cancellationToken: cancellationToken)).EnsureOk();
            var logits = prediction["logits"].ToArray<float>();
            for (var row = 0; row < Batch; row++)
            {
                var scores = logits[(row * 10)..((row + 1) * 10)];
                if (Array.IndexOf(scores, scores.Max()) == Labels.Value[start + row]) right++;
            }
        }

        return (double)right / count;
    }

    private static PredictionInputs Rows(int first, int rows)
    {
        var values = new float[rows * Pixels];
        for (var i = 0; i < values.Length; i++)
            values[i] = Images.Value[(first * Pixels) + i] / 255f;
        return PredictionInputs.Rows(PredictionInput.Tensor("image", values, [rows, 1, 28, 28]));
    }

    private static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "assets", name);

    private static byte[] Read(string name)
    {
        using var file = new GZipStream(File.OpenRead(PathOf(name)), CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        file.CopyTo(bytes);
        return bytes.ToArray();
    }
}
