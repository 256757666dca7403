using System.Diagnostics.Metrics;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Monitoring;

/// <summary>A host of its own: meter, log and clock that no other test shares.</summary>
internal sealed class TelemetryHarness : IDisposable
{
    public const string Model = "digits";

    private readonly LoggerFactory _loggers;

    public TelemetryHarness(params object[] services)
    {
        _loggers = new([new FakeLoggerProvider(Log)]);
        Services = new([Meters, _loggers, Time, RunGate, .. services]);
        Durations = new(Meters, MlServeDiagnostics.MeterName, MlServeDiagnostics.PredictionDurationMetric);
        Actives = new(Meters, MlServeDiagnostics.MeterName, MlServeDiagnostics.PredictionActiveMetric);
    }

    public FakeMeterFactory Meters { get; } = new();

    public FakeLogCollector Log { get; } = new();

    public FakeTimeProvider Time { get; } = new();

    public RunGate RunGate { get; } = new(3);

    public FakeServices Services { get; }

    public MetricCollector<double> Durations { get; }

    public MetricCollector<long> Actives { get; }

    /// <summary>Predictions under way; null where the model is not reported.</summary>
    public long? Active
    {
        get
        {
            Actives.Clear();
            Actives.RecordObservableInstruments();
            return Actives.LastMeasurement?.Value;
        }
    }

    public IPredictor Build(IPredictor inner, string model = Model) => new PredictorBuilder(inner).UseTelemetry(model).Build(Services);

    public void Dispose()
    {
        Durations.Dispose();
        Actives.Dispose();
        _loggers.Dispose();
        Meters.Dispose();
    }
}
