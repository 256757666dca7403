using System.IO.Compression;
using MlServe.Onnx;
using MlServe.Onnx.Inspection;
using MlServe.Quantization.Evaluation;
using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Runtime;
using Xunit;

namespace MlServe.Quantization.Rewriting;

public class StaticRealModelTests(ITestOutputHelper output)
{
    // There is no training set in the repository: the first images calibrate, and the answers are compared on the others.
    private const int Used = 200;

    [Fact]
    public async Task Rewrite_Digits_ReadsAsManyDigitsRight()
    {
        var assets = Path.Combine(AppContext.BaseDirectory, "assets");
        var model = OnnxFile.ToBytes(Preprocessor.Run(
            Trial.Read(await File.ReadAllBytesAsync(Path.Combine(assets, "digits.onnx"), TestContext.Current.CancellationToken)),
            new()).Model);
        var (images, labels) =
            (Unpack(assets, "mnist-test-images.idx3-ubyte.gz", 16), Unpack(assets, "mnist-test-labels.idx1-ubyte.gz", 8));
        float[] pixels = [.. images.Select(static pixel => pixel / 255f)];
        var samples = Enumerable.Range(0, Used)
            .Select(i => PredictionInputs.Row(PredictionInput.Tensor<float>("image", pixels.AsMemory(i * 784, 784), [1, 1, 28, 28])));
        var plan = await Trial.CalibrateAsync(model, Trial.Plan(Processor.Current), Trial.Samples(model, samples));
        var (float32, int8) = (Accuracy(model, pixels, labels), Accuracy(Trial.Rewrite(model, plan), pixels, labels));
        output.WriteLine($"FP32 {float32:P2}, INT8 {int8:P2} of {labels.Length - Used} images");
        Assert.InRange(int8, float32 - 0.001, 1);
    }

    [Fact]
    public async Task Rewrite_EveryRealModel_LoadsOrIsRefusedWithAReason()
    {
        var root = SharedData.PathOf("");
        var done = 0;
        foreach (var path in SharedData.Models())
        {
            var text = await TryAsync(await File.ReadAllBytesAsync(Path.Combine(root, path), TestContext.Current.CancellationToken), path);
            output.WriteLine($"{path}: {text}");
            if (text.EndsWith("dB", StringComparison.Ordinal)) done++;
        }

        Assert.True(done >= 3, $"Only {done} models were quantized.");
    }

    private static async Task<string> TryAsync(byte[] bytes, string path)
    {
        try
        {
            var document = OnnxDocument.Read(new(bytes, path));
            var model = Preprocessor.Run(document.Model, new()).Model;
            var plain = OnnxFile.ToBytes(model);
            using var session = GraphSession.Open(plain);
            var tensors = StaticRewriter.TensorsToCalibrate(model, Trial.Plan());
            var signature = SignatureReader.Read(session.Session, OnnxInspector.Inspect(plain));
            var inputs = SyntheticSamples.For(signature, session, TestContext.Current.CancellationToken);
            if (inputs.Count == 0) return "no sample was found that it takes";
            SampleSet samples = new(inputs.ToAsyncEnumerable(), new(signature), int.MaxValue);
            var ranges = await Calibration.Calibrator.RunAsync(model, tensors, samples, new(), TestContext.Current.CancellationToken);
            var result = StaticRewriter.Rewrite(model, Trial.Plan() with { Ranges = ranges.Ranges });
            using var quantized = GraphSession.Open(OnnxFile.ToBytes(result.Model));
            await foreach (var sample in samples.All(TestContext.Current.CancellationToken))
            {
                using var expected = session.Run(sample, [session.OutputNames[0]]);
                using var actual = quantized.Run(sample, [session.OutputNames[0]]);
                if (expected[0].GetTensorTypeAndShape().ElementDataType != Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float)
                    continue;
                var wanted = expected[0].GetTensorDataAsSpan<float>();
                var found = actual[0].GetTensorDataAsSpan<float>();
                if (wanted.Length != found.Length) continue;
                return $"{result.Decisions.Count(static decision => decision.IsQuantized)} of {result.Decisions.Count} nodes, "
                    + $"{Trial.Snr(wanted, found):F1} dB";
            }

            return "loads";
        }
        catch (QuantizationException exception)
        {
            Assert.NotEqual(QuantizationFailure.Other, exception.Failure);
            return exception.Message;
        }
        catch (ModelLoadException exception)
        {
            return exception.Message;
        }
    }

    private static double Accuracy(byte[] model, float[] pixels, byte[] labels)
    {
        var right = 0;
        var count = labels.Length - Used;
        var logits = Trial.Run(model, pixels[(Used * 784)..], count, 1, 28, 28);
        for (var i = 0; i < count; i++)
        {
            var row = logits.AsSpan(i * 10, 10);
            if (row.IndexOf(System.Numerics.Tensors.TensorPrimitives.Max(row)) == labels[Used + i]) right++;
        }

        return right / (double)count;
    }

    private static byte[] Unpack(string folder, string name, int header)
    {
        using var file = new GZipStream(File.OpenRead(Path.Combine(folder, name)), CompressionMode.Decompress);
        using var memory = new MemoryStream();
        file.CopyTo(memory);
        return memory.ToArray()[header..];
    }
}
