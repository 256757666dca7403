using MlServe.Quantization.Model;
using Xunit;

namespace MlServe.Quantization.Evaluation;

public class DigitsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task QuantizeAsync_Digits_ReadsAsWellAndReplaysToTheSameBytes()
    {
        using var folder = new TemporaryFolder();
        var options = new QuantizationOptions
        {
            MaxSamples = 400,
            // Speed is not for a test to tell.
            Gate = new()
            {
                MinSpeedup = 0,
                MinSpeed = 0,
                Evaluate = static (predictor, token) => Digits.AccuracyAsync(predictor, 5000, 1000, token),
                MaxLoss = 0.005,
            },
        }.CalibrateWith(Digits.Samples(200));
        var report = await OnnxQuantizer.QuantizeAsync(Digits.Model, folder["digits.int8.onnx"], options, Token);

        TestContext.Current.TestOutputHelper?.WriteLine(report.ToString());
        Assert.Equal(QuantizationMethod.Static, report.Method);
        Assert.True(report.Passed, report.ToString());
        Assert.Null(report.FallbackReason);
        Assert.Equal(100, report.CalibrationSamples);
        Assert.Equal(100, report.ComparedSamples);
        Assert.InRange(report.Metric!.Value, report.SourceMetric!.Value - 0.005, 1);
        Assert.True(report.Bytes < report.SourceBytes / 2, $"{report.Bytes} of {report.SourceBytes}");
        Assert.Equal(new FileInfo(folder["digits.int8.onnx"]).Length, report.Bytes);
        Assert.Equal(["digits.int8.onnx"], folder.Files);
        Assert.All(report.ToString().Split(Environment.NewLine), static line => Assert.InRange(line.Length, 1, 120));
        Assert.StartsWith("result      Static: ", report.ToString(), StringComparison.Ordinal);

        var plan = QuantizationPlan.FromJson(report.Plan.ToJson());
        var again = await OnnxQuantizer.QuantizeAsync(Digits.Model, folder["again.onnx"], new() { Plan = plan }, Token);
        Assert.True(File.ReadAllBytes(folder["digits.int8.onnx"]).AsSpan().SequenceEqual(File.ReadAllBytes(folder["again.onnx"])));
        Assert.Null(again.Passed);

        var written = OnnxDocument.Read(new(
            await File.ReadAllBytesAsync(folder["again.onnx"], Token),
            "again.onnx")).Model.MetadataProps.ToDictionary(static entry => entry.Key, static entry => entry.Value);
        Assert.Equal("Static", written["mlserve.quantization"]);
        Assert.Equal(report.Plan.SourceDigest, written["mlserve.quantization.source"]);
        Assert.Equal(ModelStamp.DigestOf(report.Plan), written["mlserve.quantization.plan"]);
    }
}
