namespace MlServe.Benchmarks.Load;

public class LatencyHistogramsTests
{
    [Fact]
    public void Milliseconds_OfRecordedTimes_AgreeWithASortToThreeDigits()
    {
        var random = new Random(1);
        var histogram = LatencyHistograms.Concurrent();
        long[] times = [.. Enumerable.Range(0, 20_000).Select(_ => (long)(-Math.Log(1 - random.NextDouble()) * 2e6) + 1)];
        Parallel.ForEach(times, histogram.RecordNanoseconds);
        Array.Sort(times);

        foreach (var share in (double[])[0.5, 0.9, 0.99, 0.999, 1])
        {
            var expected = times[(int)Math.Ceiling(share * times.Length) - 1] / 1e6;
            Assert.InRange(histogram.Milliseconds(share) / expected, 0.998, 1.002);
        }

        foreach (var bound in (long[])[100_000, 2_000_000, 9_000_000])
        {
            var expected = times.Count(time => time > bound);
            Assert.InRange(histogram.CountAbove(bound), times.Count(time => time > bound * 1.002), expected);
        }
    }

    [Fact]
    public void RecordNanoseconds_OutOfRange_CountsAsTheNearestValue()
    {
        var histogram = LatencyHistograms.Plain();

        histogram.RecordNanoseconds(-5);
        histogram.RecordNanoseconds(long.MaxValue);

        Assert.Equal(2, histogram.TotalCount);
        Assert.InRange(histogram.Milliseconds(1), 3_590_000, 3_610_000);
    }

    [Fact]
    public void Milliseconds_OfNothing_IsNotANumber() => Assert.True(double.IsNaN(LatencyHistograms.Plain().Milliseconds(0.99)));
}
