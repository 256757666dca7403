using Microsoft.Extensions.Caching.Hybrid;
using MlServe.Caching;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Caching;

public sealed class SecondLevelTests
{
    private static readonly ModelIdentity Identity = new("m", "1", "0123456789abcdef");
    private readonly FakeHybridCache _hybrid = new();

    [Fact]
    public async Task PredictAsync_KnownToAnotherProcess_IsAnsweredFromTheHybridCacheAndKept()
    {
        using (var first = Harness())
        {
            await first.SourceOf(1);
            await Eventually.BecomesTrue(() => _hybrid.Entries.Count == 1, "the answer is passed on");
        }

        using var second = Harness();
        second.Time.SetUtcNow(second.Time.GetUtcNow().AddMinutes(3));
        using (var answer = await second.Cache.PredictAsync(Answers.Request(1)))
            Assert.Equal(
                (1L, PredictionSource.Cache, TimeSpan.FromMinutes(3)),
                (answer[0].ToScalar<long>(), answer.Origin.Source, answer.Origin.Age));
        await second.SourceOf(1);

        Assert.Equal(
            (0, 1, 1, 1), (second.Statistics.Misses, second.Statistics.SecondLevelHits, second.Statistics.Hits, second.Statistics.Entries));
        Assert.StartsWith("mlserve:1:0123456789ab:", Assert.Single(_hybrid.Entries).Key, StringComparison.Ordinal);
    }

    /// <summary>Without a time, a HybridCache would take one of its own, five minutes.</summary>
    [Theory]
    [InlineData(null, "3650.00:00:00")]
    [InlineData("00:20:00", "00:20:00")]
    [InlineData("10675199.02:48:05.4775807", "3650.00:00:00")]
    public async Task PredictAsync_Answered_IsKeptAsLongAsTheOptionSays(string? timeToLive, string expected)
    {
        using var harness = Harness(configure: options => options.TimeToLive = timeToLive is null
            ? null : TimeSpan.Parse(timeToLive, System.Globalization.CultureInfo.InvariantCulture));
        await harness.SourceOf(1);
        await Eventually.BecomesTrue(() => _hybrid.Expiration is not null, "the answer is passed on");

        Assert.Equal(TimeSpan.Parse(expected, System.Globalization.CultureInfo.InvariantCulture), _hybrid.Expiration);
    }

    /// <summary>A hit goes through code that a miss does not: whoever implements it may need the compiler for that.</summary>
    [Fact]
    public async Task OpenAsync_FirstHitIsSlow_IsOverBeforeARequestNeedsIt()
    {
        using (var first = Harness())
        {
            await first.SourceOf(1);
            await Eventually.BecomesTrue(() => _hybrid.Entries.Count == 1, "the answer is passed on");
        }

        using var harness = Harness();
        var firstHit = new TaskCompletionSource();
        _hybrid.FirstHit = firstHit.Task;
        var reads = _hybrid.Reads;
        var opening = harness.Cache.GetService<IOpensAhead>()!.OpenAsync(TestContext.Current.CancellationToken);
        await Eventually.BecomesTrue(() => _hybrid.Reads == reads + 2, "it looks for what it has kept");
        Assert.False(opening.IsCompleted);
        firstHit.SetResult();
        await opening;

        Assert.Equal(PredictionSource.Cache, await harness.SourceOf(1));
        Assert.Single(_hybrid.Entries);
    }

    [Fact]
    public async Task PredictAsync_FirstHitIsSlowAndNobodyOpened_TheLevelIsOnAgainWhenItIsThere()
    {
        using (var first = Harness())
        {
            for (var id = 1; id <= 2; id++)
                await first.SourceOf(id);
            await Eventually.BecomesTrue(() => _hybrid.Entries.Count == 2, "the answers are passed on");
        }

        using var harness = Harness();
        var firstHit = new TaskCompletionSource();
        _hybrid.FirstHit = firstHit.Task;
        var reads = _hybrid.Reads;
        var pending = harness.Cache.PredictAsync(Answers.Request(1)).AsTask();
        await Eventually.BecomesTrue(() => _hybrid.Reads > reads, "it is asked");
        harness.Time.Advance(harness.Options.HybridCacheTimeout);
        Assert.Equal(1, Answers.Read(await pending));
        var level = (SecondLevel)harness.Cache.GetService<IOpensAhead>()!;
        Assert.False(level.IsOpen);

        firstHit.SetResult();
        await Eventually.BecomesTrue(() => level.IsOpen, "the first hit has come");

        Assert.Equal(PredictionSource.Cache, await harness.SourceOf(2));
    }

    [Fact]
    public async Task PredictAsync_AnotherVersionOrPastItsTime_IsAMiss()
    {
        using (var first = Harness())
        {
            await first.SourceOf(1);
            await Eventually.BecomesTrue(() => _hybrid.Entries.Count == 1, "the answer is passed on");
        }

        using var other = Harness(new("m", "2", "fedcba9876543210"));
        Assert.Equal(PredictionSource.Model, await other.SourceOf(1));
        using var late = Harness(configure: static options => options.TimeToLive = TimeSpan.FromMinutes(1));
        late.Time.SetUtcNow(late.Time.GetUtcNow().AddMinutes(1));
        Assert.Equal(PredictionSource.Model, await late.SourceOf(1));
    }

    [Fact]
    public async Task PredictAsync_HostileEntry_IsAMiss()
    {
        using (var first = Harness())
        {
            await first.SourceOf(1);
            await Eventually.BecomesTrue(() => _hybrid.Entries.Count == 1, "the answer is passed on");
        }

        var key = Assert.Single(_hybrid.Entries).Key;
        _hybrid.IsReadOnly = true;
        foreach (var bytes in (byte[][])[[], new byte[10_000_000], [.. _hybrid.Entries[key][..^1], 0]])
        {
            _hybrid.Entries[key] = bytes;
            using var second = Harness(configure: static options => options.SizeLimit = 1_000_000);
            Assert.Equal(PredictionSource.Model, await second.SourceOf(1));
        }
    }

    [Fact]
    public async Task PredictAsync_HybridCacheHangs_IsLeftAloneAfterItsTimeAndTriedAgainLater()
    {
        using var harness = Harness();
        _hybrid.Hangs = true;
        var pending = harness.Cache.PredictAsync(Answers.Request(1)).AsTask();
        await Eventually.BecomesTrue(() => _hybrid.Reads == 1, "it is asked");
        Assert.False(pending.IsCompleted);

        // Once: the pause that begins here would go by while this thread waits for the others.
        harness.Time.Advance(harness.Options.HybridCacheTimeout);
        Assert.Equal(1, Answers.Read(await pending));
        for (var id = 2; id < 10; id++)
            await harness.SourceOf(id);
        Assert.Equal(1, _hybrid.Reads);
        Assert.Single(harness.Log.Entries, static entry => entry.Id.Id == 5002);

        _hybrid.Hangs = false;
        harness.Time.Advance(SecondLevel.Pause);
        await harness.SourceOf(20);
        Assert.Equal(2, _hybrid.Reads);
    }

    [Fact]
    public async Task OpenAsync_HybridCacheHangsOrThrows_EndsAndIsNoFailure()
    {
        using var harness = Harness();
        _hybrid.Hangs = true;
        var opening = harness.Cache.GetService<IOpensAhead>()!.OpenAsync(TestContext.Current.CancellationToken);
        await Eventually.BecomesTrue(() => _hybrid.Reads == 1, "it is asked");
        Assert.False(opening.IsCompleted);
        harness.Time.Advance(TimeSpan.FromSeconds(1));
        await opening;

        (_hybrid.Hangs, _hybrid.Failure) = (false, new InvalidOperationException("Down."));
        await harness.Cache.GetService<IOpensAhead>()!.OpenAsync(TestContext.Current.CancellationToken);

        _hybrid.Failure = null;
        await harness.SourceOf(1);
        Assert.Equal(3, _hybrid.Reads);
        Assert.DoesNotContain(harness.Log.Entries, static entry => entry.Id.Id == 5002);
    }

    [Fact]
    public async Task PredictAsync_FirstWriteIsSlow_ItIsLeftItsSecond()
    {
        using var harness = Harness();
        var write = new TaskCompletionSource();
        _hybrid.Write = write.Task;
        await harness.SourceOf(1);
        await Eventually.BecomesTrue(() => _hybrid.Entries.Count == 1, "it is written");

        harness.Time.Advance(harness.Options.HybridCacheTimeout * 10);
        await harness.SourceOf(2);
        Assert.Equal(2, _hybrid.Reads);

        harness.Time.Advance(TimeSpan.FromSeconds(1));
        await Eventually.BecomesTrue(() => harness.Log.Entries.Any(static entry => entry.Id.Id == 5002), "its time is over");
        write.SetResult();
    }

    [Fact]
    public async Task PredictAsync_HybridCacheThrows_CostsNoAnswer()
    {
        using var harness = Harness();
        _hybrid.Failure = new InvalidOperationException("Down.");

        for (var id = 0; id < 5; id++)
            Assert.Equal(PredictionSource.Model, await harness.SourceOf(id));

        Assert.Equal((1, 0), (_hybrid.Reads, _hybrid.Entries.Count));
    }

    [Fact]
    public async Task PredictAsync_CallerGivesUpDuringTheRead_AnotherGoesOn()
    {
        using var harness = Harness();
        _hybrid.Hangs = true;
        using var source = new CancellationTokenSource();
        var first = harness.Cache.PredictAsync(Answers.Request(1), cancellationToken: source.Token).AsTask();
        var second = harness.Cache.PredictAsync(Answers.Request(1)).AsTask();
        await Eventually.BecomesTrue(() => _hybrid.Reads == 1, "it is asked");

        _hybrid.Hangs = false;
        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Assert.Equal(1, Answers.Read(await second));
    }

    private CacheHarness Harness(ModelIdentity? identity = null, Action<CacheOptions>? configure = null) => new(
        new FakePredictor { Service = identity ?? Identity },
        options =>
        {
            options.UseHybridCache = true;
            configure?.Invoke(options);
        },
        services: _hybrid);
}
