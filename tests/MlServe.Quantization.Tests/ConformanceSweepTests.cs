using MlServe.Quantization.Evaluation;
using MlServe.Quantization.Preprocessing;
using Xunit;

namespace MlServe.Quantization;

/// <summary>
/// The one call on each of the ONNX project's own cases: it ends with a model that loads and answers alike, or with a reason.
/// </summary>
public sealed class ConformanceSweepTests : IDisposable
{
    private const double Decibels = 15;

    private readonly string _folder = Directory.CreateTempSubdirectory("mlserve-tests-").FullName;

    [Fact]
    public Task QuantizeAsync_EveryConformanceCase_LoadsOrIsRefusedWithAReason() => SweepAsync(isLight: false);

    [Fact(Explicit = true)]
    public Task QuantizeAsync_EveryWholeNetwork_LoadsOrIsRefusedWithAReason() => SweepAsync(isLight: true);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task SweepAsync(bool isLight)
    {
        var (source, destination) = (Path.Combine(_folder, "m.onnx"), Path.Combine(_folder, "q.onnx"));
        var (written, integers, refused) = (0, 0, 0);
        var options = new QuantizationOptions
        {
            Method = QuantizationMethod.Static,
            MinMultiplications = 0,
            SearchBudget = TimeSpan.FromSeconds(10),
            Gate = new() { MinSpeedup = 0, MinSpeed = 0, MinAgreement = null, MinSnrDb = Decibels },
        };
        foreach (var @case in ConformanceModels.All().Where(each => each.Name.StartsWith("light/", StringComparison.Ordinal) == isLight))
        {
            await File.WriteAllBytesAsync(source, @case.Model, TestContext.Current.CancellationToken);
            try
            {
                var samples = await RandomSamples.ForAsync(source, count: 4, seed: 1, TestContext.Current.CancellationToken);
                var report = await OnnxQuantizer.QuantizeAsync(
                    source, destination, options.CalibrateWith(samples), TestContext.Current.CancellationToken);
                written++;
                if (report.Method == QuantizationMethod.Static) integers++;
                if (isLight)
                    TestContext.Current.TestOutputHelper?.WriteLine(
                        $"{@case.Name}: {report.Method} {report.Speed?.Ratio:0.00} {report.Bytes / (double)report.SourceBytes:0.00}");
            }
            catch (QuantizationException exception)
            {
                Assert.True(exception.Message.Length > 20, @case.Name);
                refused++;
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                Assert.Fail($"{@case.Name}: {exception}");
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{written} written, {integers} of them with integers, {refused} refused");
        Assert.True(integers > 0 && (isLight || refused > 0), $"{written} written, {integers} of them with integers, {refused} refused");
    }
}
