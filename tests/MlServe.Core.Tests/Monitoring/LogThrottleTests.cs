using Microsoft.Extensions.Time.Testing;
using MlServe.Guests;
using MlServe.Monitoring;

namespace MlServe.Tests.Monitoring;

public sealed class LogThrottleTests
{
    [Fact]
    public async Task TryPass_ManyThreads_LetsOneThroughAndCountsTheOthers()
    {
        var time = new FakeTimeProvider();
        var throttle = new LogThrottle(2, TimeSpan.FromSeconds(10), time);

        var passed = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(
            () => Enumerable.Range(0, 1_000).Count(_ => throttle.TryPass(1, out var _)), TestContext.Current.CancellationToken)));
        time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(1, passed.Sum());
        Assert.True(throttle.TryPass(1, out var suppressed));
        Assert.Equal(7_999, suppressed);
        Assert.True(throttle.TryPass(0, out suppressed));
        Assert.Equal(0, suppressed);
    }
}
