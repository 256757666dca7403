using System.Globalization;
using MlServe.Batching;
using MlServe.Resilience;

namespace MlServe.Tests;

public sealed class OptionRangeTests
{
    [Fact]
    public void Faults_ValuesOutsideOfTheirRanges_HaveOneForm()
    {
        var (share, count, bytes, unset) = (double.NaN, -1, (long?)5, (int?)null);
        var (delay, limit, mode) = (TimeSpan.FromHours(2), (TimeSpan?)TimeSpan.Zero, (RunMode)7);
        string[] expected =
        [
            "share is NaN; it must be 0 to 1.",
            "share is NaN; it must be greater than 0, up to 1.",
            "count is -1; it must be 0 to 1024.",
            "bytes is 5; it must be 1048576 or more.",
            "delay is 02:00:00; it must be 00:00:00.001 to 01:00:00.",
            "limit is 00:00:00; it must be greater than zero.",
            "mode is 7; it must be Auto, Inline or Queued.",
            "Inner:X is 1; it must be 2.",
        ];
        Assert.Equal(expected, new OptionRange()
            .Between(share, 0d, 1d)
            .PositiveShare(share)
            .Between(count, 0, 1024)
            .AtLeast(bytes, 1024 * 1024)
            .AtLeast(unset, 1)
            .Between(delay, TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(1))
            .Positive(limit)
            .Defined(mode)
            .Within("Inner", [OptionRange.Fault("X", 1, "2")])
            .Faults);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.5)]
    [InlineData(1)]
    public void Faults_ValuesWithinTheirRanges_AreNone(double share) => Assert.Empty(new OptionRange()
        .Between(share, 0d, 1d)
        .Between((double?)null, 0d, 1d)
        .Between(TimeSpan.FromSeconds(share), TimeSpan.Zero, TimeSpan.FromSeconds(1))
        .AtLeast(share, 0d)
        .Positive<double>(share + 1)
        .PositiveShare(1)
        .PositiveShare(null)
        .Defined(RunMode.Inline)
        .Faults);

    [Fact]
    public void Fault_AnotherCulture_IsTheSame() =>
        Assert.Equal("x is 0.5; it must be 1.5 or more.", InAnotherCulture(() => new OptionRange().AtLeast(0.5, 1.5, "x").Faults.Single()));

    [Fact]
    public void Validate_AnotherCulture_SaysTheSame()
    {
        string[] Faults() =>
        [
            new ServiceLevel { Availability = 1.5 }.Validate()!,
            new ServiceLevel { PeakRps = -1.5 }.Validate()!,
            new ServiceLevel { Quality = 1.5 }.Validate()!,
            new ServiceLevel { CostPerMillion = -1.5 }.Validate()!,
            .. new BatchingOptions { RecheckRate = 1.5 }.Validate(),
            .. new CircuitBreakerOptions { FailureRatio = 1.5, ProbabilityTolerance = 1.5 }.Validate(),
            .. new ChaosOptions { FailureRate = 1.5, LatencyRate = 1.5, InvalidOutputRate = 1.5 }.Validate(),
        ];
        var said = Faults();
        Assert.Equal(10, said.Length);
        Assert.All(said, static fault => Assert.Contains("1.5", fault, StringComparison.Ordinal));
        Assert.Equal(said, InAnotherCulture(Faults));
    }

    private static T InAnotherCulture<T>(Func<T> say)
    {
        var before = CultureInfo.CurrentCulture;
        var comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        comma.NumberFormat.NumberDecimalSeparator = ",";
        CultureInfo.CurrentCulture = comma;
        try
        {
            return say();
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
