using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MlServe.Quantization.Rewriting;
using Xunit;

namespace MlServe.Quantization.Serving;

public sealed class QuantizedHostTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("before")]
    [InlineData("after")]
    [InlineData("configuration")]
    public async Task Quantize_WhereverThePathIsSaid_ServesTheQuantizedModel(string place)
    {
        _folder.Write("m.onnx", SmallModels.MatMul(rows: 512, columns: 256));
        QuantizationReport? report = null;
        using var host = Build(place, quantization => quantization.OnReport = given => report = given);
        await host.StartAsync(TestContext.Current.CancellationToken);

        using var answer = await host.Services.GetRequiredService<IPredictor>()
            .PredictAsync(PredictionInputs.Row(Row(1)), cancellationToken: TestContext.Current.CancellationToken);

        Assert.True(answer.IsOk);
        Assert.Equal(QuantizationMethod.Static, report!.Method);
        Assert.EndsWith("m.onnx", report.Source, StringComparison.Ordinal);
        Assert.Equal(
            ["cache", "m.onnx"],
            Directory.EnumerateFileSystemEntries(_folder.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        await host.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Quantize_ModelIsQuantizedAlready_TheHostStartsAndServesIt()
    {
        _folder.Write("fp32.onnx", SmallModels.MatMul());
        await OnnxQuantizer.QuantizeDynamicAsync(
            _folder["fp32.onnx"], _folder["m.onnx"], new() { MinMultiplications = 0 }, TestContext.Current.CancellationToken);
        using var host = Build("before", static _ => { });
        await host.StartAsync(TestContext.Current.CancellationToken);

        using var answer = await host.Services.GetRequiredService<IPredictor>()
            .PredictAsync(PredictionInputs.Row(new float[64]), cancellationToken: TestContext.Current.CancellationToken);

        Assert.True(answer.IsOk);
        await host.StopAsync(TestContext.Current.CancellationToken);
    }

    public void Dispose() => _folder.Dispose();

    private static float[] Row(int seed) => SmallModels.Random(512, seed, 1);

    private IHost Build(string place, Action<ModelQuantizationOptions> configure)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings
        {
            DisableDefaults = true,
            ContentRootPath = _folder.Folder,
        });
        if (place == "configuration") builder.Configuration.AddInMemoryCollection([new("MlServing:Models:m:Path", "m.onnx")]);
        builder.Services.AddMlServing().AddModel("m", model =>
        {
            if (place == "before") model.FromFile("m.onnx");
            model.Quantize(quantization =>
            {
                quantization.CacheFolder = _folder["cache"];
                quantization.Options = quantization.Options with { Gate = new() { MinSpeedup = 0, MinSpeed = 0, MinAgreement = null } };
                quantization.CalibrateWith([.. Enumerable.Range(0, 8).Select(static seed => PredictionInputs.Row(Row(seed)))]);
                configure(quantization);
            });
            if (place == "after") model.FromFile("m.onnx");
        });
        return builder.Build();
    }
}
