using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.DependencyInjection;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Caching;

public sealed class RedisTests : IDisposable
{
    private static readonly ModelIdentity Identity = new("m", "1", "0123456789abcdef");
    private readonly RedisServer _redis = new();

    public void Dispose() => _redis.Dispose();

    [Fact]
    public async Task PredictAsync_RedisKilledAndRestartedInTheMiddle_LosesNoAnswerAndFindsItsWayBack()
    {
        await _redis.StartAsync();
        await using var services = Services();
        await using var others = Services();
        using var first = Harness(services);
        using var second = Harness(others);
        await SecondAnswersFromRedis(first, second, 0);

        await _redis.KillAsync();
        for (var id = 100_000; id < 100_300; id++)
            Assert.Equal(PredictionSource.Model, await second.SourceOf(id));
        Assert.Contains(second.Log.Entries, static entry => entry.Id.Id == 5002);

        await _redis.StartAsync();
        await SecondAnswersFromRedis(first, second, 200_000);
    }

    /// <summary>One process answers ever more questions, and the other asks them too, until it finds an answer in Redis.</summary>
    private static async Task SecondAnswersFromRedis(CacheHarness first, CacheHarness second, long id)
    {
        var hits = second.Statistics.SecondLevelHits;
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        while (second.Statistics.SecondLevelHits == hits)
        {
            Assert.False(limit.IsCancellationRequested, "No answer came from Redis.");
            await first.SourceOf(++id);
            await Task.Delay(10);
            await second.SourceOf(id);
        }
    }

    private ServiceProvider Services()
    {
        var services = new ServiceCollection();
        services.AddStackExchangeRedisCache(options =>
            options.Configuration = $"127.0.0.1:{_redis.Port},abortConnect=false,connectTimeout=5000,syncTimeout=5000,asyncTimeout=5000");
        services.AddHybridCache();
        return services.BuildServiceProvider();
    }

    private static CacheHarness Harness(ServiceProvider services) => new(
        new FakePredictor { Service = Identity },
        static options =>
        {
            options.UseHybridCache = true;
            options.HybridCacheTimeout = TimeSpan.FromMilliseconds(200);
        },
        services: [services.GetRequiredService<HybridCache>(), new QuickClock()]);
}
