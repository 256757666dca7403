using Microsoft.Extensions.Time.Testing;
using MlServe.Caching;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Caching;

public sealed class CacheWorthTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void RunTook_FirstSampleIsOfCodeThatIsBeingCompiled_IsForgottenSoon()
    {
        var worth = new CacheWorth(_time, mayStop: true);
        worth.RunTook(1_000_000);
        for (var sample = 0; sample < 100; sample++)
            worth.RunTook(100);

        Assert.InRange(worth.Run, 100, 300);
    }

    [Fact]
    public void Judge_HitsSaveLessThanTheyCost_SwitchesOffAndTriesAgainEverMoreRarely()
    {
        var worth = new CacheWorth(_time, mayStop: true);
        worth.RunTook(100);
        worth.LookUpTook(50);

        // One poor window alone is no verdict.
        Play(worth, hits: 0.1);
        Assert.Null(worth.Judge());
        var pause = CacheWorth.FirstPause;
        for (var trial = 0; trial < 10; trial++)
        {
            Play(worth, hits: 0.1);
            var verdict = worth.Judge()!;
            Assert.Equal((false, pause), (verdict.Pays, verdict.Pause));
            Assert.False(worth.IsOn);

            _time.Advance(pause - TimeSpan.FromTicks(1));
            Assert.False(worth.TryResume());
            _time.Advance(TimeSpan.FromTicks(1));
            Assert.True(worth.TryResume());
            pause = pause * 2 < CacheWorth.LongestPause ? pause * 2 : CacheWorth.LongestPause;
        }

        Assert.Equal(CacheWorth.LongestPause, pause);
    }

    [Fact]
    public void Judge_HitsSaveMore_StaysOnAndSaysNothing()
    {
        var worth = new CacheWorth(_time, mayStop: true);
        worth.RunTook(1_000);
        worth.LookUpTook(50);
        Play(worth, hits: 0.1);

        Assert.Null(worth.Judge());
        Assert.True(worth.IsOn);
    }

    [Fact]
    public void Judge_AfterATrial_NeedsAClearerGainToComeBackThanToStay()
    {
        var worth = new CacheWorth(_time, mayStop: true);
        worth.RunTook(1_000);
        worth.LookUpTook(50);
        Play(worth, hits: 0);
        Assert.Null(worth.Judge());
        Play(worth, hits: 0);
        Assert.False(worth.Judge()!.Pays);
        _time.Advance(CacheWorth.FirstPause);
        worth.TryResume();

        // Saves 60 for 50: enough to stay, too little to return.
        Play(worth, hits: 0.06);
        Assert.False(worth.Judge()!.Pays);
        _time.Advance(CacheWorth.FirstPause * 2);
        worth.TryResume();

        Play(worth, hits: 0.08);
        Assert.True(worth.Judge()!.Pays);
        Play(worth, hits: 0.06);
        Assert.Null(worth.Judge());
    }

    [Fact]
    public void Judge_LookUpsThatWereInterrupted_DoNotSwitchItOff()
    {
        var worth = new CacheWorth(_time, mayStop: true);
        worth.RunTook(1_000);
        for (var window = 0; window < 10; window++)
        {
            Play(worth, hits: 0.9);
            for (var sample = 1; sample <= 64; sample++)
                worth.LookUpTook(sample % 32 == 0 ? 1_000_000 : 50);
            Assert.Null(worth.Judge());
        }

        Assert.InRange(worth.LookUp, 50, 100);
    }

    [Fact]
    public void Judge_ToldNotTo_NeverSwitchesOff()
    {
        var worth = new CacheWorth(_time, mayStop: false);
        worth.LookUpTook(50);
        Play(worth, hits: 0);

        Assert.Null(worth.Judge());
        Assert.True(worth.IsOn);
    }

    [Fact]
    public async Task PredictAsync_NothingIsAskedTwice_GoesPastTheCacheAfterAWhileAndSaysSo()
    {
        // A look-up costs a reading of this clock, and so does a run; but nothing is ever a hit.
        var clock = new CountingClock();
        using var log = new MlServe.Fakes.LogList();
        using var cache = new PredictorBuilder(new FakePredictor()).UseCache(static options => options.SizeLimit = 65_536)
            .Build(new FakeServices(clock, log));

        // Samples fall a little later where the thread changes its core.
        for (var id = 0; id < (2 * CacheWorth.Window) + 400 && cache.GetService<CacheStatistics>()!.IsOn; id++)
            (await cache.PredictAsync(Answers.Request(id))).Dispose();
        for (var id = 0; id < 40; id++)
            (await cache.PredictAsync(Answers.Request(id))).Dispose();

        var statistics = cache.GetService<CacheStatistics>()!;
        Assert.False(statistics.IsOn);
        Assert.Equal(40, statistics.Bypassed);
        Assert.Contains(
            "switches itself off", Assert.Single(log.Entries, static entry => entry.Id.Id == 5000).Text, StringComparison.Ordinal);
    }

    private static void Play(CacheWorth worth, double hits)
    {
        for (var i = 0; i < CacheWorth.Window; i++)
        {
            worth.Begin();
            if (i < hits * CacheWorth.Window) worth.Served();
        }
    }
}
