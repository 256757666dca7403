using Microsoft.Extensions.DependencyInjection;
using MlServe.Caching;
using Xunit;

namespace MlServe;

public sealed class CacheTests : IDisposable
{
    private readonly TestHost _test = new();

    public void Dispose() => _test.Dispose();

    [Fact]
    public async Task UseCache_InAppSettingsAlone_AnswersAgainAndKeepsOldAnswers()
    {
        using var host = await _test.StartAsync(static services => services.AddMlServing(), """
            { "MlServing": { "Models": { "m": {
              "Path": "m.onnx", "UseCache": true, "Cache": { "SizeLimit": 100000, "TimeToLive": "00:10:00" }, "UseBatching": true
            } } } }
            """);
        var predictor = host.Services.GetRequiredService<IPredictor>();

        Assert.Equal(6, await predictor.SumAsync());
        Assert.Equal(6, await predictor.SumAsync());

        using var hit = await predictor.PredictAsync(Asking.OneTwoThree, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal((PredictionSource.Cache, "m"), (hit.Origin.Source, hit.Origin.Model!.Name));
        Assert.Equal((2, 1), (predictor.GetService<CacheStatistics>()!.Hits, predictor.GetService<CacheStatistics>()!.Misses));
        Assert.True(predictor.GetService<IStaleAnswers>()!.TryGetStaleAnswer(Asking.OneTwoThree, null, out var stale));
        Assert.Equal(PredictionSource.StaleCache, stale.Origin.Source);
        stale.Dispose();
    }

    [Fact]
    public async Task UseCache_InCode_StandsWhereItIsCalledAndConfigurationWins()
    {
        var seen = 0;
        using var host = await _test.StartAsync(
            services => services.AddMlServing()
                .AddModel(
                    "inside",
                    model => model.FromFile("m.onnx")
                        .Use(inner => new Counting(inner, () => seen++))
                        .UseCache(static cache => cache.SizeLimit = 70_000))
                .AddModel("outside", model => model.FromFile("m.onnx").UseCache().Use(inner => new Counting(inner, () => seen++)))
                .AddModel("off", model => model.FromFile("m.onnx").UseCache().Use(inner => new Counting(inner, () => seen++))),
            """{ "MlServing": { "Models": { "off": { "UseCache": false } } } }""");

        foreach (var (name, expected) in ((string, int)[])[("inside", 3), ("outside", 1), ("off", 3)])
        {
            seen = 0;
            var predictor = host.Services.GetRequiredKeyedService<IPredictor>(name);
            for (var i = 0; i < 3; i++)
                await predictor.SumAsync();
            Assert.Equal((name, expected), (name, seen));
        }
    }

    private sealed class Counting(IPredictor inner, Action count) : DelegatingPredictor(inner)
    {
        public override ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
        {
            count();
            return base.PredictAsync(inputs, options, cancellationToken);
        }
    }
}
