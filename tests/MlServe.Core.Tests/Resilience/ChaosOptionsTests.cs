using MlServe.Resilience;

namespace MlServe.Tests.Resilience;

public sealed class ChaosOptionsTests
{
    [Fact]
    public void Validate_Defaults_AreValidAndInjectNothing()
    {
        var options = new ChaosOptions();
        Assert.Empty(options.Validate());
        Assert.False(options.Enabled);
        Assert.Equal(
            (0, 0, 0, TimeSpan.FromSeconds(1), null),
            (options.LatencyRate, options.FailureRate, options.InvalidOutputRate, options.Latency, options.Seed));
    }

    [Fact]
    public void Validate_WrongValues_NamesEach()
    {
        var options = new ChaosOptions
        {
            LatencyRate = -1,
            Latency = TimeSpan.FromDays(1),
            FailureRate = double.NaN,
            InvalidOutputRate = 1.1,
        };
        Assert.Equal(4, options.Validate().Count());
    }
}
