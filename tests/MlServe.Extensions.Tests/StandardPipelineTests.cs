using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MlServe.Batching;
using MlServe.Caching;
using MlServe.Resilience;
using Xunit;

namespace MlServe;

public sealed class StandardPipelineTests : IDisposable
{
    private readonly TestHost _content = new();

    [Fact]
    public async Task UseStandardPipeline_CircuitIsIsolated_CacheStandsOutsideOfIt()
    {
        using var host = await _content.StartAsync(static services =>
            services.AddMlServing().AddModel("m", static model => model.FromFile("m.onnx").UseStandardPipeline()));
        var predictor = host.Services.GetRequiredService<IPredictor>();
        float[] known = [1, 2, 3];
        Assert.Equal((PredictionStatus.Ok, PredictionSource.Model), await AskAsync(predictor, known));
        Assert.Equal((PredictionStatus.Ok, PredictionSource.Cache), await AskAsync(predictor, known));
        Assert.NotNull(predictor.GetService<BatchStatistics>());
        Assert.NotNull(predictor.GetService<CacheStatistics>());

        predictor.GetService<ICircuitBreaker>()!.Isolate();
        Assert.Equal((PredictionStatus.Ok, PredictionSource.Cache), await AskAsync(predictor, known));
        Assert.Equal(PredictionStatus.CircuitOpen, (await AskAsync(predictor, [4, 5, 6])).Status);
        Assert.Equal(1, predictor.GetService<FallbackStatistics>()!.Failures);
    }

    [Fact]
    public async Task UseStandardPipeline_FallbackWasSaid_IsKept()
    {
        _content.WriteModel("other.onnx", weight: 2);
        using var host = await _content.StartAsync(static services => services.AddMlServing()
            .AddModel(
                "m",
                static model => model.FromFile("m.onnx")
                    .UseFallback(static fallback => fallback.To("other"))
                    .UseStandardPipeline()
                    .AsDefault())
            .AddModel("other", static model => model.FromFile("other.onnx")));
        var predictor = host.Services.GetRequiredService<IPredictor>();
        predictor.GetService<ICircuitBreaker>()!.Isolate();

        using var prediction = await predictor.PredictAsync(
            PredictionInputs.Row([1f, 2, 3]), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(
            (PredictionSource.Fallback, "other", 12f),
            (prediction.Origin.Source, prediction.Origin.Model?.Name, prediction["y"].AsSpan<float>()[0]));
    }

    [Fact]
    public async Task UseStandardPipeline_ConfigurationSwitchesTheCacheOff_IsOff()
    {
        using var host = await _content.StartAsync(
            static services =>
                services.AddMlServing()
                    .AddModel(
                        "m",
                        static model => model.FromFile("m.onnx")
                            .UseFallback(static fallback => fallback.ThenValue("y", [0f]))
                            .UseStandardPipeline()),
            """{ "MlServing": { "Models": { "m": { "UseCache": false } } } }""");
        var predictor = host.Services.GetRequiredService<IPredictor>();

        Assert.Equal(PredictionSource.Model, (await AskAsync(predictor, [1, 2, 3])).Source);
        Assert.Equal(PredictionSource.Model, (await AskAsync(predictor, [1, 2, 3])).Source);
    }

    public void Dispose() => _content.Dispose();

    private static async Task<(PredictionStatus Status, PredictionSource Source)> AskAsync(IPredictor predictor, float[] row)
    {
        using var prediction = await predictor.PredictAsync(
            PredictionInputs.Row(row), cancellationToken: TestContext.Current.CancellationToken);
        return (prediction.Status, prediction.Origin.Source);
    }
}
