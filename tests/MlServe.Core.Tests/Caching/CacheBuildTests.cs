using MlServe.Caching;
using MlServe.Onnx;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Caching;

public sealed class CacheBuildTests
{
    [Fact]
    public void Defaults_AreAsDocumented()
    {
        var options = new CacheOptions();

        Assert.Equal(
            (67_108_864, null, false, true),
            (options.SizeLimit, options.TimeToLive, options.StaleFromOtherVersions, options.SwitchOffWhenUseless));
        Assert.Equal((false, TimeSpan.FromMilliseconds(20)), (options.UseHybridCache, options.HybridCacheTimeout));
        Assert.Empty(options.Validate());
    }

    [Fact]
    public void Build_OptionsOutOfRange_AreAllNamed()
    {
        var exception = Assert.Throws<ArgumentException>(() => Build(new FakePredictor(), static options =>
        {
            options.SizeLimit = 1;
            options.TimeToLive = TimeSpan.Zero;
            options.HybridCacheTimeout = TimeSpan.FromMinutes(1);
        }));

        Assert.Contains("SizeLimit is 1; it must be 65536 to 1099511627776.", exception.Message, StringComparison.Ordinal);
        Assert.Contains("TimeToLive is 00:00:00; it must be greater than zero.", exception.Message, StringComparison.Ordinal);
        Assert.Contains(
            "HybridCacheTimeout is 00:01:00; it must be 00:00:00.001 to 00:00:10.", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Build_TwoCaches_IsRefused()
    {
        var exception = Assert.Throws<InvalidOperationException>(() => new PredictorBuilder(new FakePredictor()).UseCache()
            .UseCache()
            .Build());
        Assert.Contains("Call UseCache once", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Build_UnderTheBatcher_IsRefused()
    {
        using var model = TinyModels.Affine().Load();
        var exception = Assert.Throws<InvalidOperationException>(() => new PredictorBuilder(model).UseBatching().UseCache().Build());
        Assert.Contains("UseBatching must be the last Use", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Build_AroundALayerThatAnswersInPlace_IsRefused()
    {
        var exception = Assert.Throws<InvalidOperationException>(() =>
            Build(new FakePredictor { Service = new InPlace() }, static _ => { }));
        Assert.Contains("stands around InPlace", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Build_WithoutTheServiceThatAnOptionNeeds_SaysWhatToAdd()
    {
        var hybrid = Assert.Throws<InvalidOperationException>(
            () => Build(new FakePredictor { Service = new ModelIdentity("m", "1", "d") }, static options => options.UseHybridCache = true));
        var nameless = Assert.Throws<InvalidOperationException>(() =>
            Build(new FakePredictor(), static options => options.UseHybridCache = true));

        Assert.Contains(
            "services.AddHybridCache() of the package Microsoft.Extensions.Caching.Hybrid", hybrid.Message, StringComparison.Ordinal);
        Assert.Contains("no digest", nameless.Message, StringComparison.Ordinal);
    }

    private static IPredictor Build(IPredictor inner, Action<CacheOptions> configure) =>
        new PredictorBuilder(inner).UseCache(configure).Build();

    private sealed class InPlace : ISubstitutesAnswers;
}
