using Microsoft.Extensions.Caching.Memory;
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

        Assert.Equal((67_108_864, null, false, true), (options.SizeLimit, options.TimeToLive, options.StaleFromOtherVersions, options.SwitchOffWhenUseless));
        Assert.Equal((false, false, TimeSpan.FromMilliseconds(20)), (options.UseHostMemoryCache, options.UseHybridCache, options.HybridCacheTimeout));
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
        Assert.Contains("HybridCacheTimeout is 00:01:00; it must be 00:00:00.001 to 00:00:10.", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Build_TwoCaches_IsRefused()
    {
        var exception = Assert.Throws<InvalidOperationException>(() => new PredictorBuilder(new FakePredictor()).UseCache().UseCache().Build());
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
        var exception = Assert.Throws<InvalidOperationException>(() => Build(new FakePredictor { Service = new InPlace() }, static _ => { }));
        Assert.Contains("stands around InPlace", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Build_WithoutTheServiceThatAnOptionNeeds_SaysWhatToAdd()
    {
        var memory = Assert.Throws<InvalidOperationException>(() => Build(new FakePredictor(), static options => options.UseHostMemoryCache = true));
        var hybrid = Assert.Throws<InvalidOperationException>(
            () => Build(new FakePredictor { Service = new ModelIdentity("m", "1", "d") }, static options => options.UseHybridCache = true));
        var nameless = Assert.Throws<InvalidOperationException>(() => Build(new FakePredictor(), static options => options.UseHybridCache = true));

        Assert.Contains("services.AddMemoryCache()", memory.Message, StringComparison.Ordinal);
        Assert.Contains("services.AddHybridCache() of the package Microsoft.Extensions.Caching.Hybrid", hybrid.Message, StringComparison.Ordinal);
        Assert.Contains("no digest", nameless.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task UseHostMemoryCache_HostsCacheCompactsAndIsDisposed_CountsFollowAndAnswersGoOn()
    {
        using var hosts = new MemoryCache(new MemoryCacheOptions { SizeLimit = 1_000_000 });
        hosts.Set("mine", 1, new MemoryCacheEntryOptions { Size = 1 });
        using var harness = new CacheHarness(new FakePredictor(), static options => options.UseHostMemoryCache = true, services: hosts);
        for (var id = 0; id < 20; id++)
            await harness.SourceOf(id);
        Assert.Equal(PredictionSource.Cache, await harness.SourceOf(3));
        Assert.Equal((21, 20), (hosts.Count, harness.Statistics.Entries));

        hosts.Compact(1);
        await Eventually.BecomesTrue(() => harness.Statistics.Entries == 0, "evictions are heard of");
        Assert.Equal(0, harness.Statistics.Bytes);
        await harness.SourceOf(3);
        harness.Cache.Dispose();
        Assert.Equal(0, hosts.Count);

        using var later = new CacheHarness(new FakePredictor(), static options => options.UseHostMemoryCache = true, services: hosts);
        hosts.Dispose();
        Assert.Equal(PredictionSource.Model, await later.SourceOf(1));
        Assert.Equal(PredictionSource.Model, await later.SourceOf(1));
        Assert.Contains(later.Log.Entries, static entry => entry.Id.Id == 5003);
    }

    private static IPredictor Build(IPredictor inner, Action<CacheOptions> configure) => new PredictorBuilder(inner).UseCache(configure).Build();

    private sealed class InPlace : IAnswersInPlace;
}
