using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using MlServe.Onnx;
using Xunit;

namespace MlServe;

public sealed class ModelBuilderTests
{
    [Fact]
    public void EveryMethod_Called_SetsItsOption()
    {
        var options = OptionsOf(static model => model
            .FromFile("m.onnx")
            .WithVersion("2")
            .WithServiceLevel(p99: TimeSpan.FromMilliseconds(10))
            .WithServiceLevel(availability: 0.99, peakRps: 100)
            .WithServiceLevel(p50: TimeSpan.FromMilliseconds(2), quality: 1, costPerMillion: 3)
            .WithBatchAxis("x", 1)
            .WithSampleInput(Asking.OneTwoThree, Asking.OneTwoThree)
            .WithWarmUp(1, 8)
            .UseExecutionProvider(ExecutionProvider.TensorRt, settings: [new("trt_fp16_enable", "1")])
            .UseCuda(deviceId: 1, ProviderRequirement.Required)
            .UseCpu()
            .ConfigureOnnx(static onnx => onnx.AllowSpinning = true)
            .AsDefault());

        Assert.Equal("2", options.Version);
        Assert.True(options.IsDefault);
        Assert.Equal(
            new ServiceLevel
            {
                P50 = TimeSpan.FromMilliseconds(2),
                P99 = TimeSpan.FromMilliseconds(10),
                Availability = 0.99,
                PeakRps = 100,
                Quality = 1,
                CostPerMillion = 3,
            },
            options.ServiceLevel.ToServiceLevel());
        Assert.Equal(1, options.Onnx.BatchAxes["x"]);
        Assert.Equal(2, options.Onnx.SampleInputs.Count);
        Assert.Equal([1, 8], options.Onnx.WarmUpRows);
        Assert.Equal(
            [ExecutionProvider.TensorRt, ExecutionProvider.Cuda, ExecutionProvider.Cpu],
            options.Onnx.ExecutionProviders.Select(static p => p.Provider));
        Assert.Equal("1", options.Onnx.ExecutionProviders[0].Settings["trt_fp16_enable"]);
        Assert.Equal(
            (1, ProviderRequirement.Required),
            (options.Onnx.ExecutionProviders[1].DeviceId, options.Onnx.ExecutionProviders[1].Requirement));
        Assert.True(options.Onnx.AllowSpinning);
    }

    [Fact]
    public void WithBatchAxisAndWithoutBatching_Called_SetTheirOptions()
    {
        Assert.Equal(0, OptionsOf(static model => model.FromFile("m.onnx").WithBatchAxis(0)).Onnx.BatchAxis);
        Assert.Equal(BatchDetection.None, OptionsOf(static model => model.FromFile("m.onnx").WithoutBatching()).Onnx.BatchDetection);
    }

    [Fact]
    public async Task WrapSource_Several_TheLaterIsGivenWhatTheEarlierMade()
    {
        List<string> seen = [];
        var services = new ServiceCollection();
        services.AddMlServing().AddModel("sum", model => model
            .WrapSource((source, given) =>
            {
                Assert.NotNull(given.GetService<IPredictorProvider>());
                return new NamingSource(source, "first", seen);
            })
            .FromSource(static _ => ModelSource.FromBytes(TinyOnnx.WeightedSum(), "bytes"))
            .WrapSource((source, _) => new NamingSource(source, "second", seen)));
        await using var container = services.BuildServiceProvider();
        await container.GetRequiredService<IPredictorProvider>().LoadAsync(TestContext.Current.CancellationToken);

        Assert.Equal("bytes first second", container.GetRequiredService<IPredictor>().GetService<OnnxModelDescription>()!.Origin);
        Assert.Equal(["first", "second"], seen);
    }

    [Fact]
    public async Task WrapSource_GivesNull_TheLoadFailsAndSaysSo()
    {
        var services = new ServiceCollection();
        services.AddMlServing().AddModel("sum", static model => model.FromBytes(TinyOnnx.WeightedSum()).WrapSource(static (_, _) => null!));
        await using var container = services.BuildServiceProvider();

        var exception = await Assert.ThrowsAsync<ModelLoadException>(
            () => container.GetRequiredService<IPredictorProvider>().LoadAsync(TestContext.Current.CancellationToken));

        Assert.Contains("WrapSource returned null", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Use_SeveralLayers_TheFirstIsTheOutermost()
    {
        List<string> seen = [];
        var services = new ServiceCollection();
        services.AddMlServing().AddModel("sum", model => model
            .FromSource(static _ => ModelSource.FromBytes(TinyOnnx.WeightedSum()))
            .Use(inner => new Spy(inner, "first", seen))
            .ConfigurePipeline(pipeline => pipeline.Use(inner => new Spy(inner, "second", seen)))
            .Use((inner, _) => new Spy(inner, "third", seen)));
        await using var container = services.BuildServiceProvider();
        await container.GetRequiredService<IPredictorProvider>().LoadAsync(TestContext.Current.CancellationToken);

        await container.GetRequiredService<IPredictor>().SumAsync();

        Assert.Equal(["first", "second", "third"], seen);
    }

    [Fact]
    public void From_SeveralSources_TheLastOneIsMeant()
    {
        var file = OptionsOf(static model => model.FromBytes(TinyOnnx.WeightedSum()).FromFile("m.onnx"));
        var bytes = OptionsOf(static model => model.FromFile("m.onnx").FromBytes(TinyOnnx.WeightedSum()));

        Assert.Null(file.Source);
        Assert.Null(bytes.Path);
        Assert.NotNull(bytes.Source);
    }

    private static ModelOptions OptionsOf(Action<ModelBuilder> configure)
    {
        var services = new ServiceCollection();
        services.AddMlServing().AddModel("sum", configure);
        using var container = services.BuildServiceProvider();
        return container.GetRequiredService<IOptionsMonitor<ModelOptions>>().Get("sum");
    }

    private sealed class Spy(IPredictor inner, string name, List<string> seen) : DelegatingPredictor(inner)
    {
        public override ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
        {
            seen.Add(name);
            return base.PredictAsync(inputs, options, cancellationToken);
        }
    }

    private sealed class NamingSource(IModelSource inner, string name, List<string> seen) : IModelSource
    {
        public async ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default)
        {
            var content = await inner.ReadAsync(cancellationToken);
            seen.Add(name);
            return content with { Origin = $"{content.Origin} {name}" };
        }
    }
}
