namespace MlServe.Benchmarks.Load;

public class QueueBoundTests
{
    [Fact]
    public void MeanMilliseconds_AtHalfLoad_IsOneAndAHalfServiceTimes() => Assert.Equal(1.5, QueueBound.MeanMilliseconds(500, 1)!.Value, 9);

    [Theory]
    [InlineData(0, 1)]
    [InlineData(950, 1)]
    [InlineData(2000, 1)]
    public void MeanMilliseconds_IdleOrNearSaturation_SaysNothing(double rate, double service) =>
        Assert.Null(QueueBound.MeanMilliseconds(rate, service));

    [Theory]
    [InlineData(0.9, true)]
    [InlineData(1.6, false)]
    public void IsBroken_MeanBelowWhatAQueueShows_IsTrue(double milliseconds, bool expected)
    {
        var step = new StepRecorder("step", 500, 10, TimeSpan.FromSeconds(1));
        for (var i = 0; i < 5000; i++)
            step.OnAnswer((long)(milliseconds * 1e6), 1);

        Assert.Equal(expected, QueueBound.IsBroken(step, 1));
        Assert.False(QueueBound.IsBroken(step, null));
    }
}
