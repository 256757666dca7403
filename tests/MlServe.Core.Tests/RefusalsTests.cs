namespace MlServe.Tests;

public sealed class RefusalsTests
{
    [Fact]
    public void Refusals_AskedAgain_AreTheSameAndNameTheVersion()
    {
        var version = new ModelIdentity("m", "v1", "digest");
        var refusals = new Refusals(version);
        foreach (var (error, code) in new[]
        {
            (refusals.TimedOut, PredictionErrorCode.TimedOut),
            (refusals.RunTimedOut, PredictionErrorCode.RunTimedOut),
            (refusals.QueueFull(9, "rows", "MaxQueuedRows"), PredictionErrorCode.QueueFull),
        })
        {
            Assert.Equal(code, error.Code);
            Assert.Same(version, error.Model);
            Assert.Contains("'m'", error.Message, StringComparison.Ordinal);
        }

        Assert.Same(refusals.TimedOut, refusals.TimedOut);
        Assert.Same(refusals.RunTimedOut, refusals.RunTimedOut);
    }
}
