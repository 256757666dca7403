using System.Diagnostics.Metrics;

namespace MlServe.Benchmarks.Measurement;

/// <summary>Listens to all of MlServe's instruments, as an exporter of metrics does, and keeps the sum of what it hears.</summary>
internal sealed class ProductionListener : IDisposable
{
    private readonly MeterListener _listener = new();
    private long _count;
    private double _sum;

    public ProductionListener()
    {
        _listener.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument.Meter.Name == MlServeDiagnostics.MeterName) listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<double>((_, value, _, _) =>
        {
            _sum += value;
            _count++;
        });
        _listener.SetMeasurementEventCallback<long>(static (_, _, _, _) => { });
        _listener.Start();
    }

    /// <summary>Durations that were heard; correct where one thread predicts at a time.</summary>
    public long Count => _count;

    public double Sum => _sum;

    public void Dispose() => _listener.Dispose();
}
