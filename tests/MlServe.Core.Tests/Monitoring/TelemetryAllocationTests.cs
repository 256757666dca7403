#pragma warning disable CA2012 // Value tasks are kept and read late on purpose.
using System.Diagnostics.Metrics;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Monitoring;

[Collection(Alone.Name)]
[CountsAllocations]
public sealed class TelemetryAllocationTests
{
    private const int InFlight = 512;

    private static readonly PredictionError Failure = new(PredictionStatus.Failed, PredictionErrorCode.RuntimeFailed, "no");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void PredictAsync_AnsweredAtOnce_AllocatesNothing(bool listened)
    {
        using var meters = new FakeMeterFactory();
        using var listener = listened ? Listen(meters) : null;
        using var predictor = new PredictorBuilder(new FakePredictor()).UseTelemetry("quick").Build(new FakeServices(meters));
        var request = Answers.Request(1);

        Assert.Equal(0, Allocations.Least(() =>
        {
            for (var i = 0; i < 1_000; i++)
                predictor.PredictAsync(request, cancellationToken: default).GetAwaiter().GetResult().Dispose();
        }));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void PredictAsync_ManyPending_AllocatesNothing(bool listened)
    {
        using var meters = new FakeMeterFactory();
        using var listener = listened ? Listen(meters) : null;
        var inner = new PendingPredictor();
        using var predictor = new PredictorBuilder(inner).UseTelemetry("slow").Build(new FakeServices(meters));
        var request = Answers.Request(1);
        var calls = new ValueTask<Prediction>[InFlight];

        Assert.Equal(0, Allocations.Least(() =>
        {
            for (var i = 0; i < calls.Length; i++)
                calls[i] = predictor.PredictAsync(request, cancellationToken: default);
            for (var i = 0; i < calls.Length; i++)
            {
                if (i % 2 == 0) inner.Answer();
                else inner.Refuse(Failure);
            }

            for (var i = 0; i < calls.Length; i++)
                calls[i].GetAwaiter().GetResult().Dispose();
        }));
    }

    private static MeterListener Listen(FakeMeterFactory meters)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (ReferenceEquals(instrument.Meter.Scope, meters)) listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<double>(static (_, _, _, _) => { });
        listener.SetMeasurementEventCallback<long>(static (_, _, _, _) => { });
        listener.Start();
        return listener;
    }
}
