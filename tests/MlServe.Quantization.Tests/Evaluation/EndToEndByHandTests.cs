using System.Diagnostics;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Evaluation;

/// <summary>Reports for a person, made by hand on a quiet machine: <c>-explicit only -class '*EndToEndByHandTests'</c>.</summary>
public class EndToEndByHandTests(ITestOutputHelper output)
{
    [Theory(Explicit = true)]
    [InlineData("resnet", true)]
    [InlineData("encoder", true)]
    [InlineData("encoder", false)]
    [InlineData("mlp", true)]
    [InlineData("small mlp", true)]
    [InlineData("digits", true)]
    public async Task Report(string name, bool withSamples)
    {
        using var folder = new TemporaryFolder();
        var (model, shape) = name switch
        {
            "resnet" => (ResNetModel.Create(1), (int[])[1, 3, 224, 224]),
            "encoder" => (EncoderModel.Create(1), [1, 128, 768]),
            "mlp" => (OnnxModel.Mlp(1, 1024, 4096, 4096, 1024), [8, 1024]),
            "small mlp" => (OnnxModel.Mlp(1, 64, 128, 64, 10), [8, 64]),
            _ => (await File.ReadAllBytesAsync(Digits.Model, TestContext.Current.CancellationToken), []),
        };
        // Random weights tell nothing of classes.
        var options = new QuantizationOptions { Gate = new() { MinAgreement = name == "digits" ? 0.99 : null } };
        if (withSamples) options = options.CalibrateWith(name == "digits" ? Digits.Samples(200) : Random(shape));
        var started = Stopwatch.GetTimestamp();
        var report = await OnnxQuantizer.QuantizeAsync(
            folder.Write("m.onnx", model), folder["q.onnx"], options, TestContext.Current.CancellationToken);
        output.WriteLine(
            $"{name}{(withSamples ? "" : " without samples")}: {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s\n{report}");
        Assert.True(report.Passed);
    }

    private static IEnumerable<PredictionInputs> Random(int[] shape)
    {
        var random = new Random(9);
        for (var i = 0; i < 16; i++)
        {
            var values = new float[shape.Aggregate(1, static (product, size) => product * size)];
            for (var j = 0; j < values.Length; j++)
                values[j] = (random.NextSingle() * 2) - 1;
            yield return PredictionInputs.Rows(values, shape[0]);
        }
    }
}
