using Microsoft.Extensions.Time.Testing;
using MlServe.Caching;
using MlServe.Fakes;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Caching;

/// <summary>How often the store is looked into, which is most of what a hit costs, and a good part of a miss.</summary>
public sealed class CacheLookUpTests
{
    private static readonly CacheVersion Version = CacheVersion.Of(new("m"), new FakePredictor().Signature);

    [Fact]
    public async Task PredictAsync_EachWayThroughTheCache_LooksAsOftenAsTheDocumentsSay()
    {
        var inner = new FakePredictor();
        using var harness = new CacheHarness(
            inner, static options => options.TimeToLive = TimeSpan.FromHours(1), host: new() { CountsLookUps = true });

        Assert.Equal((PredictionSource.Model, 2), await AskAsync(harness, 1));
        Assert.Equal((PredictionSource.Cache, 1), await AskAsync(harness, 1));
        Assert.Equal((PredictionSource.Model, 2), await AskAsync(harness, 2));

        // Past its time, and replaced.
        harness.Time.Advance(TimeSpan.FromHours(2));
        Assert.Equal((PredictionSource.Model, 2), await AskAsync(harness, 1));
        Assert.Equal((PredictionSource.Cache, 1), await AskAsync(harness, 1));
        Assert.Equal(2, harness.Statistics.Entries);
    }

    [Fact]
    public async Task PredictAsync_EqualOnesThatWait_LookOnceEach()
    {
        var inner = new PendingPredictor();
        using var harness = new CacheHarness(inner, host: new() { CountsLookUps = true });
        var store = StoreOf(harness);
        var tasks = Enumerable.Range(0, 5).Select(_ => harness.SourceOf(1)).ToList();
        await Eventually.BecomesTrue(() => inner.Pending == 1, "the first computes");
        Assert.Equal(5, store.LookUps);
        inner.Answer();
        await Task.WhenAll(tasks);
        Assert.Equal(6, store.LookUps);
    }

    /// <summary>
    /// An equal request comes and is answered within another, at each place at which the cache reads its clock; one of them is between
    /// look-up and flight.
    /// </summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task PredictAsync_AnEqualOneIsAnsweredMeanwhile_IsComputedOnce(int at)
    {
        const int Keys = 400;
        var computed = 0;
        var clock = new HookedClock();
        var inner = new FakePredictor((inputs, _) =>
        {
            computed++;
            return new(Answers.Echo(in inputs));
        });
        using var cache = new PredictorBuilder(inner).UseCache(static options => options.SwitchOffWhenUseless = false)
            .Build(new FakeServices(clock));
        for (var id = 0; id < Keys; id++)
        {
            var (calls, key) = (0, id);
            Task<Prediction>? other = null;
            clock.Read = () =>
            {
                // Not each time: one look-up in so many is timed, and it must not always be the other's.
                if (calls++ == at && key % 3 != 0) other = cache.PredictAsync(Answers.Request(key)).AsTask();
            };
            Assert.Equal(id, Answers.Read(await cache.PredictAsync(Answers.Request(id))));
            clock.Read = null;
            if (other is not null) Assert.Equal(id, Answers.Read(await other));
        }

        Assert.Equal(Keys, computed);
    }

    [Fact]
    public void Keep_OneKeyByManyAtOnce_IsCountedOnce()
    {
        var time = new FakeTimeProvider();
        using var store = new CacheStore(1 << 20, countsLookUps: false);
        var kept = new CachedAnswers(store, Version, new(), null, CacheCounters.Create(), new(time, false), null, time);
        using var answer = Answers.Of(1);
        var weight = CacheEntry.WeightOf(answer);
        for (var round = 0; round < 500; round++)
        {
            var key = new RequestKey((UInt128)round, 7);
            Parallel.For(0, 4, new() { MaxDegreeOfParallelism = 4 }, _ => kept.Keep(key, answer, null, 0));
            Assert.Equal((round + 1, weight * (round + 1)), (store.Policy.Count, store.Policy.Bytes));
        }
    }

    private static CacheStore StoreOf(CacheHarness harness) => harness.Cache.GetService<CacheStage>()!.Store;

    private static async Task<(PredictionSource Source, long LookUps)> AskAsync(CacheHarness harness, long id)
    {
        var store = StoreOf(harness);
        var before = store.LookUps;
        var source = await harness.SourceOf(id);
        return (source, store.LookUps - before);
    }

    private sealed class HookedClock : TimeProvider
    {
        private long _now;

        public Action? Read { get; set; }

        public override long GetTimestamp()
        {
            Read?.Invoke();
            return ++_now;
        }
    }
}
