using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MlServe.Features;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Docs;

/// <summary>A limit sees every request, however the cache was turned on: an answer that is kept does not pass it by.</summary>
public sealed class FeatureSlotTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("configuration")]
    [InlineData("UseCache")]
    [InlineData("UseStandardPipeline")]
    [InlineData("layer, UseCache")]
    [InlineData("UseCache, layer")]
    public async Task Ask_TheSameTwice_ReachesWhatStandsOutsideOfTheCache(string how)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings
        {
            DisableDefaults = true,
            ContentRootPath = AppContext.BaseDirectory,
        });
        if (how == "configuration") builder.Configuration.AddInMemoryCollection([new("MlServing:Models:m:UseCache", "true")]);
        var bytes = new OnnxModel().Input("x", OnnxModel.Float, "N", 3).Output("y", OnnxModel.Float, "N", 1)
            .Initializer("w", [1f, 1, 1], 3, 1)
            .Node("MatMul", ["x", "w"], ["y"]).ToBytes();
        builder.Services.AddMlServing().AddFeature<OuterFeature>().AddFeature<InnerFeature>().AddModel("m", model =>
        {
            model.FromBytes(bytes).UseFeature<OuterOptions>().UseFeature<InnerOptions>();
            if (how == "layer, UseCache") model.Use(static inner => new Plain(inner));
            if (how == "UseStandardPipeline") model.UseStandardPipeline();
            if (how.Contains("UseCache", StringComparison.Ordinal)) model.UseCache();
            if (how == "UseCache, layer") model.Use(static inner => new Plain(inner));
        });
        using var host = builder.Build();
        await host.StartAsync(Token);
        var predictor = host.Services.GetRequiredService<IPredictor>();

        var sources = new List<PredictionSource>();
        for (var i = 0; i < 2; i++)
        {
            using var prediction = await predictor.PredictAsync(PredictionInputs.Row([1f, 2, 3]), cancellationToken: Token);
            sources.Add(prediction.EnsureOk().Origin.Source);
        }

        Assert.Equal([PredictionSource.Model, PredictionSource.Cache], sources);
        Assert.Equal((2, 1), (predictor.GetService<OuterCount>()!.Calls, predictor.GetService<InnerCount>()!.Calls));
        await host.StopAsync(Token);
    }

    internal sealed class OuterOptions;

    internal sealed class InnerOptions;

    internal sealed class OuterFeature : ModelFeature<OuterOptions>
    {
        public override string Key => "Outer";

        public override FeatureSlot Slot => FeatureSlot.Application;

        public override void Apply(ModelFeatureContext context, OuterOptions options) =>
            context.Pipeline.Use(static inner => new OuterCount(inner));
    }

    internal sealed class InnerFeature : ModelFeature<InnerOptions>
    {
        public override string Key => "Inner";

        public override FeatureSlot Slot => FeatureSlot.Cache;

        public override void Apply(ModelFeatureContext context, InnerOptions options) =>
            context.Pipeline.Use(static inner => new InnerCount(inner));
    }

    private abstract class Count(IPredictor inner) : DelegatingPredictor(inner)
    {
        private int _calls;

        public int Calls => Volatile.Read(ref _calls);

        public override ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref _calls);
            return base.PredictAsync(inputs, options, cancellationToken);
        }
    }

    private sealed class OuterCount(IPredictor inner) : Count(inner);

    private sealed class InnerCount(IPredictor inner) : Count(inner);

    private sealed class Plain(IPredictor inner) : DelegatingPredictor(inner);
}
