using MlServe.Onnx;
using MlServe.Quantization.Model;
using MlServe.Quantization.Runtime;
using Xunit;

namespace MlServe.Quantization.Evaluation;

public class RealModelTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task QuantizeAsync_EveryRealModel_PassesFallsBackOrIsRefusedWithAReason(bool withSamples)
    {
        var root = SharedData.PathOf("models");
        using var folder = new TemporaryFolder();
        foreach (var path in SharedData.Models().Select(path => Path.Combine(root, "..", path)))
        {
            var options = new QuantizationOptions { SearchBudget = TimeSpan.FromSeconds(2), Gate = new() { MinSpeedup = 0, MinSpeed = 0 } };
            try
            {
                if (withSamples) options = options.CalibrateWith(await MakeUpAsync(path));
                File.Delete(folder["q.onnx"]);
                var report = await OnnxQuantizer.QuantizeAsync(path, folder["q.onnx"], options, Token);
                TestContext.Current.TestOutputHelper?.WriteLine($"{Path.GetFileName(path)}: {report.Method} {report.FallbackReason}");
                Assert.True(report.Passed, $"{path}\n{report}");
                Assert.True(report.Method != QuantizationMethod.None || report.FallbackReason is not null, path);
                Assert.Equal(report.Bytes, new FileInfo(folder["q.onnx"]).Length);
                Assert.All(report.Outputs, static output => Assert.Equal(0, output.NotFinite));
            }
            catch (QuantizationException exception)
            {
                TestContext.Current.TestOutputHelper?.WriteLine($"{Path.GetFileName(path)}: {exception.Failure}: {exception.Message}");
                Assert.NotEqual(QuantizationFailure.Other, exception.Failure);
                Assert.False(File.Exists(folder["q.onnx"]));
            }
        }
    }

    private static async Task<IReadOnlyList<PredictionInputs>> MakeUpAsync(string path)
    {
        var document = await OnnxDocument.ReadAsync(ModelSource.FromFile(path), Token);
        await using var source = await SourceModel.OpenAsync(document, new HashSet<string>(), [], 1, Token);
        return SyntheticSamples.For(source.Signature, source.Session, Token);
    }
}
