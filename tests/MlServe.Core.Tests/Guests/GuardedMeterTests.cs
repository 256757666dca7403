using System.Diagnostics.Metrics;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using MlServe.Guests;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Guests;

/// <summary>Alone, because a listener listens to the whole process.</summary>
[Collection(Alone.Name)]
public sealed class GuardedMeterTests : IDisposable
{
    private const string Name = MlServeDiagnostics.PredictionDurationMetric;

    private readonly FakeMeterFactory _meters = new();
    private readonly FakeLogCollector _logs = new();

    public void Dispose() => _meters.Dispose();

    [Fact]
    public void CreateHistogram_ListenerThrowsWhenItIsTold_ThoseThatWereToldBeforeListen()
    {
        using var before = new MetricCollector<double>(_meters, MlServeDiagnostics.MeterName, Name);
        // What other tests have left in the process is told at the start.
        var isStarted = false;
        using var throwing = new MeterListener();
        throwing.InstrumentPublished = (instrument, _) =>
        {
            if (isStarted && instrument.Name == Name) throw new InvalidOperationException("listener");
        };
        throwing.Start();
        isStarted = true;

        var histogram = Meter().CreateHistogram<double>(Name, "s", "", new());
        histogram.Record(2, new KeyValuePair<string, object?>("a", 1));

        Assert.Equal(2, before.LastMeasurement!.Value);
        Assert.Same(histogram.Instrument, Meter().CreateHistogram<double>(Name, "s", "", new()).Instrument);
    }

    [Fact]
    public void Record_ListenerThrows_IsCountedAndLoggedOnce()
    {
        var histogram = Meter().CreateHistogram<double>(Name, "s", "", new());
        using var throwing = new MeterListener();
        throwing.SetMeasurementEventCallback<double>(static (_, _, _, _) => throw new InvalidOperationException("listener"));
        throwing.EnableMeasurementEvents(histogram.Instrument!);
        var before = GuestFaults.Of(Guest.MeterListener);

        for (var i = 0; i < 10; i++)
            histogram.Record(2, new KeyValuePair<string, object?>("a", 1));

        Assert.Equal(10, GuestFaults.Of(Guest.MeterListener) - before);
        var log = Assert.Single(_logs.GetSnapshot());
        Assert.Equal((1002, LogLevel.Warning), (log.Id.Id, log.Level));
        Assert.Equal("meter_listener", log.GetStructuredStateValue("Guest"));
        Assert.Contains("InvalidOperationException: listener", log.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void For_FactoryThrows_MeasuresByNameAllTheSame()
    {
        using var factory = new NoMeters();
        using var collector = new MetricCollector<long>(null, MlServeDiagnostics.MeterName, "mlserve.test");

        var counter = GuardedMeter.For(factory).CreateCounter<long>("mlserve.test", "1", "");
        counter.Add(3, [new("a", 1)]);

        Assert.Equal(3, collector.LastMeasurement!.Value);
        Assert.Same(GuardedMeter.For(factory), GuardedMeter.For(factory));
    }

    [Fact]
    public void GuestFaults_Metric_CountsByKind()
    {
        GuestReports.OfProcess.Add(Guest.Context, new InvalidOperationException("dead"));
        using var predictor = new PredictorBuilder(new FakePredictor()).UseTelemetry("digits").Build(new FakeServices(_meters));
        using var collector = new MetricCollector<long>(_meters, MlServeDiagnostics.MeterName, MlServeDiagnostics.GuestFaultsMetric);

        collector.RecordObservableInstruments();

        var seen = collector.GetMeasurementSnapshot()
            .ToDictionary(
                static measurement => (string)measurement.Tags[MlServeDiagnostics.GuestTag]!, static measurement => measurement.Value);
        Assert.Equal(GuestFaults.All.Select(GuestFaults.TagOf).Order(), seen.Keys.Order());
        Assert.True(seen["context"] > 0);
    }

    private GuardedMeter Meter() => GuardedMeter.For(_meters, new FakeLogger(_logs));

    private sealed class NoMeters : IMeterFactory
    {
        public Meter Create(MeterOptions options) => throw new InvalidOperationException("No.");

        public void Dispose()
        {
        }
    }
}
