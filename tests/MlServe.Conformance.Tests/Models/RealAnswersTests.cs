using System.IO.Compression;
using System.Text.Json;
using MlServe.Cases;
using MlServe.Tensors;
using Xunit;

namespace MlServe.Models;

/// <summary>Models with work to do, against answers that others published.</summary>
public class RealAnswersTests
{
    [Fact]
    public async Task Mnist_First2000_ReadsAtLeast98Percent()
    {
        const int Images = 2000;
        const int Pixels = 28 * 28;
        const int ImagesHeader = 16;
        const int LabelsHeader = 8;
        var images = await ReadGzipAsync("datasets/images/mnist-t10k-images-idx3-ubyte.gz");
        var labels = await ReadGzipAsync("datasets/images/mnist-t10k-labels-idx1-ubyte.gz");
        await using var served = await Served.LoadAsync("models/image/mnist_cnn_tribuo.onnx");

        var right = 0;
        const int Rows = 50;
        for (var first = 0; first < Images; first += Rows)
        {
            float[] pixels = [.. images.Skip(ImagesHeader + (first * Pixels)).Take(Rows * Pixels).Select(static value => (float)value)];
            using var prediction = await served.PredictAsync(PredictionInputs.Rows(pixels, Rows));
            Assert.Equal([Rows, 10], prediction.EnsureOk()[0].Shape.ToArray());
            for (var row = 0; row < Rows; row++)
                right += IndexOfMax(prediction[0].AsSpan<float>().Slice(row * 10, 10)) == labels[LabelsHeader + first + row] ? 1 : 0;
        }

        // The plain runtime: 98.65 %.
        Assert.True(right >= 0.98 * Images, $"{right} of {Images}");
    }

    [Fact]
    public async Task MobileNet_OwnTestData_Agrees()
    {
        await using var served = await Served.LoadAsync("models/image/mobilenetv2_int8_maui/model.onnx");
        var input = CaseReader.ReadTensor(await ReadAsync("models/image/mobilenetv2_int8_maui/test_data_set_0/input_0.pb"));
        var expected = CaseReader.ReadTensor(await ReadAsync("models/image/mobilenetv2_int8_maui/test_data_set_0/output_0.pb"));
        using var prediction = await served.PredictAsync(PredictionInputs.Rows(input.ToInput(served.Signature.Inputs[0].Name)));
        Assert.Null(expected.DifferenceTo(prediction.EnsureOk()[0]));
    }

    [Fact]
    public async Task Magika_ExamplesOfItsProject_HaveTheirLabelsAndScores()
    {
        var config = JsonSerializer.Deserialize<JsonElement>(await ReadAsync("models/magika/standard_v3_2/config.min.json"));
        string[] labels = [.. config.GetProperty("target_labels_space").EnumerateArray().Select(static label => label.GetString()!)];
        var examples = JsonSerializer.Deserialize<JsonElement>(
            await ReadGzipAsync("models/magika/standard_v3_2-inference_examples_by_content.json.gz"));
        await using var served = await Served.LoadAsync("models/magika/standard_v3_2/model.onnx");

        var asked = 0;
        foreach (var example in examples.EnumerateArray())
        {
            var expected = example.GetProperty("prediction");
            var label = expected.GetProperty("dl").GetString();
            if (label == "undefined") continue;
            asked++;
            var content = example.GetProperty("content_base64").GetBytesFromBase64();
            using var prediction = await served.PredictAsync(PredictionInputs.Row(MagikaFeatures.Of(content)));
            var scores = prediction.EnsureOk()[0].ToArray<float>();
            var best = IndexOfMax(scores);
            Assert.Equal((asked, label), (asked, labels[best]));
            Assert.Equal(expected.GetProperty("score").GetDouble(), scores[best], 1e-5);
        }

        Assert.Equal(129, asked);
    }

    [Fact]
    public async Task SuperResolution_OneImage_IsThreeTimesTheSize()
    {
        await using var served = await Served.LoadAsync("models/image/super_resolution.onnx");
        using var prediction = await served.PredictAsync(PredictionInputs.Row(new float[224 * 224]));
        Assert.Equal([1, 672, 672], prediction.EnsureOk()[0].Shape.ToArray());
    }

    [Fact]
    public async Task ManyInputs_AllNamed_AnswersALabel()
    {
        await using var served = await Served.LoadAsync("models/tabular/many_inputs_201.onnx");
        Assert.Equal(201, served.Signature.Inputs.Count);
        PredictionInput[] inputs = [.. served.Signature.Inputs.Select(static input => input.ElementType == ElementType.Float
            ? PredictionInput.Tensor(input.Name, [1f])
            : PredictionInput.Tensor(input.Name, [1L]))];
        using var prediction = await served.PredictAsync(PredictionInputs.Row(inputs));
        Assert.Equal(1, prediction.EnsureOk()["label"].Length);

        using var oneMissing = await served.PredictAsync(PredictionInputs.Row(inputs.AsSpan(1)));
        Assert.Equal(PredictionErrorCode.InputMissing, oneMissing.Error.Code);
    }

    [Fact]
    public async Task MlNet_StringLabelAndFeatures_AnswersProbabilities()
    {
        await using var served = await Served.LoadAsync("models/tabular/mlnet_breastcancer_lr.onnx");
        using var prediction = await served.PredictAsync(PredictionInputs.Row(
            PredictionInput.Tensor("Label", ["0"]), PredictionInput.Tensor("Features", [5f, 1, 1, 1, 2, 1, 3, 1])));
        Assert.Equal(1, prediction.EnsureOk()["Score.onnx"].ToArray<float>().Sum(), 1e-4f);
        Assert.Equal(1u, prediction["PredictedLabel.onnx"].ToScalar<uint>());
    }

    private static int IndexOfMax(ReadOnlySpan<float> values) => System.Numerics.Tensors.TensorPrimitives.IndexOfMax(values);

    private static Task<byte[]> ReadAsync(string path) =>
        File.ReadAllBytesAsync(SharedData.PathOf(path), TestContext.Current.CancellationToken);

    private static async Task<byte[]> ReadGzipAsync(string path)
    {
        await using var stream = new GZipStream(File.OpenRead(SharedData.PathOf(path)), CompressionMode.Decompress);
        using var content = new MemoryStream();
        await stream.CopyToAsync(content, TestContext.Current.CancellationToken);
        return content.ToArray();
    }
}
