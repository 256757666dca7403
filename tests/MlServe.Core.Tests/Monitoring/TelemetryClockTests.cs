using MlServe.Tests.Fakes;

namespace MlServe.Tests.Monitoring;

/// <summary>Alone, because a session of the EventSource would have clocks read for all models of the process.</summary>
[Collection(Alone.Name)]
public sealed class TelemetryClockTests
{
    [Fact]
    public async Task PredictAsync_NobodyListens_ReadsNoClock()
    {
        using var meters = new FakeMeterFactory();
        var clock = new CountingClock();
        using var predictor = new PredictorBuilder(new FakePredictor()).UseTelemetry("unheard").Build(new FakeServices(meters, clock));

        Answers.Read(await predictor.PredictAsync(Answers.Request(1), cancellationToken: TestContext.Current.CancellationToken));

        Assert.Equal(0, clock.Reads);
    }
}
