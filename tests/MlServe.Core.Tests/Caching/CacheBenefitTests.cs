using Microsoft.Extensions.Time.Testing;
using MlServe.Caching;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Caching;

public sealed class CacheBenefitTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void RunTook_FirstSampleIsOfCodeThatIsBeingCompiled_IsForgottenSoon()
    {
        var benefit = new CacheBenefit(_time, mayStop: true);
        benefit.RunTook(1_000_000);
        for (var sample = 0; sample < 100; sample++)
            benefit.RunTook(100);

        Assert.InRange(benefit.Run, 100, 300);
    }

    [Fact]
    public void Judge_HitsSaveLessThanTheyCost_SwitchesOffAndTriesAgainEverMoreRarely()
    {
        var benefit = new CacheBenefit(_time, mayStop: true);
        benefit.RunTook(100);
        benefit.LookUpTook(50);

        // One poor window alone is no verdict.
        Play(benefit, hits: 0.1);
        Assert.Null(benefit.Judge());
        var pause = CacheBenefit.FirstPause;
        for (var trial = 0; trial < 10; trial++)
        {
            Play(benefit, hits: 0.1);
            var verdict = benefit.Judge()!;
            Assert.Equal((false, pause), (verdict.Pays, verdict.Pause));
            Assert.False(benefit.IsOn);

            _time.Advance(pause - TimeSpan.FromTicks(1));
            Assert.False(benefit.TryResume());
            _time.Advance(TimeSpan.FromTicks(1));
            Assert.True(benefit.TryResume());
            pause = pause * 2 < CacheBenefit.LongestPause ? pause * 2 : CacheBenefit.LongestPause;
        }

        Assert.Equal(CacheBenefit.LongestPause, pause);
    }

    [Fact]
    public void Judge_HitsSaveMore_StaysOnAndSaysNothing()
    {
        var benefit = new CacheBenefit(_time, mayStop: true);
        benefit.RunTook(1_000);
        benefit.LookUpTook(50);
        Play(benefit, hits: 0.1);

        Assert.Null(benefit.Judge());
        Assert.True(benefit.IsOn);
    }

    [Fact]
    public void Judge_AfterATrial_NeedsAClearerGainToComeBackThanToStay()
    {
        var benefit = new CacheBenefit(_time, mayStop: true);
        benefit.RunTook(1_000);
        benefit.LookUpTook(50);
        Play(benefit, hits: 0);
        Assert.Null(benefit.Judge());
        Play(benefit, hits: 0);
        Assert.False(benefit.Judge()!.Pays);
        _time.Advance(CacheBenefit.FirstPause);
        benefit.TryResume();

        // Saves 60 for 50: enough to stay, too little to return.
        Play(benefit, hits: 0.06);
        Assert.False(benefit.Judge()!.Pays);
        _time.Advance(CacheBenefit.FirstPause * 2);
        benefit.TryResume();

        Play(benefit, hits: 0.08);
        Assert.True(benefit.Judge()!.Pays);
        Play(benefit, hits: 0.06);
        Assert.Null(benefit.Judge());
    }

    [Fact]
    public void Judge_LookUpsThatWereInterrupted_DoNotSwitchItOff()
    {
        var benefit = new CacheBenefit(_time, mayStop: true);
        benefit.RunTook(1_000);
        for (var window = 0; window < 10; window++)
        {
            Play(benefit, hits: 0.9);
            for (var sample = 1; sample <= 64; sample++)
                benefit.LookUpTook(sample % 32 == 0 ? 1_000_000 : 50);
            Assert.Null(benefit.Judge());
        }

        Assert.InRange(benefit.LookUp, 50, 100);
    }

    [Fact]
    public void Judge_ToldNotTo_NeverSwitchesOff()
    {
        var benefit = new CacheBenefit(_time, mayStop: false);
        benefit.LookUpTook(50);
        Play(benefit, hits: 0);

        Assert.Null(benefit.Judge());
        Assert.True(benefit.IsOn);
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
        for (var id = 0; id < (2 * CacheBenefit.Window) + 400 && cache.GetService<CacheStatistics>()!.IsOn; id++)
            (await cache.PredictAsync(Answers.Request(id))).Dispose();
        for (var id = 0; id < 40; id++)
            (await cache.PredictAsync(Answers.Request(id))).Dispose();

        var statistics = cache.GetService<CacheStatistics>()!;
        Assert.False(statistics.IsOn);
        Assert.Equal(40, statistics.Bypassed);
        Assert.Contains(
            "switches itself off", Assert.Single(log.Entries, static entry => entry.Id.Id == 5000).Text, StringComparison.Ordinal);
    }

    private static void Play(CacheBenefit benefit, double hits)
    {
        for (var i = 0; i < CacheBenefit.Window; i++)
        {
            benefit.Begin();
            if (i < hits * CacheBenefit.Window) benefit.Served();
        }
    }
}
