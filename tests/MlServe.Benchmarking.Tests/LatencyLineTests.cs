namespace MlServe.Benchmarking.Tests;

// BenchmarkDotNet's engine is one for the process.
[Collection("engine")]
public sealed class LatencyLineTests
{
    [Fact]
    public void Parse_FormattedHistogram_IsTheSame()
    {
        var histogram = new LatencyHistogram();
        for (var i = 1; i <= 1000; i++)
            histogram.Record(i * 1e3);
        histogram.Record(1e15);
        histogram.Record(-1);

        var parsed = LatencyLine.Parse(LatencyLine.Format(histogram))!;

        Assert.Equal(1002, parsed.Count);
        Assert.All(
            [0.0, 50, 90, 99, 99.9, 100], percentile => Assert.Equal(histogram.Percentile(percentile), parsed.Percentile(percentile)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("// GC:  0 0 0 0 1")]
    [InlineData("// MlServe.Benchmarking call latency: not base64")]
    [InlineData("// MlServe.Benchmarking call latency: AAAA")]
    [InlineData("// MlServe.Benchmarking call latency: ")]
    public void Parse_AnotherLine_IsNoFigure(string line) => Assert.Null(LatencyLine.Parse(line));

    [Fact]
    public void Parse_BrokenLine_IsNoFigure()
    {
        var histogram = new LatencyHistogram();
        histogram.Record(1e6);
        var line = LatencyLine.Format(histogram);

        Assert.Null(LatencyLine.Parse(line[..^20]));
    }

    [Fact]
    public void Record_OutsideOfABenchmark_IsNotCounted()
    {
        CallLatency.Record(TimeSpan.FromSeconds(1));

        Assert.Null(EngineListener.Instance.TakeFinished());
    }

    [Fact]
    public async Task Record_ManyThreads_LosesNothing()
    {
        var histogram = new LatencyHistogram();

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 50_000; i++)
                histogram.Record(1e4);
        })));

        Assert.Equal(200_000, histogram.Count);
    }
}
