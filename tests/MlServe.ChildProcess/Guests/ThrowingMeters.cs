using System.Diagnostics.Metrics;

namespace MlServe.ChildProcess.Guests;

/// <summary>Listens to all of MlServe's instruments, and throws when one is published, measures, or goes.</summary>
internal sealed class ThrowingMeters : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Mischief _mischief;

    public ThrowingMeters(Mischief mischief)
    {
        _mischief = mischief;
        _listener.InstrumentPublished = Published;
        _listener.MeasurementsCompleted = (_, _) => _mischief.Call("meter.completed");
        _listener.SetMeasurementEventCallback<int>((instrument, _, _, _) => Call("measured", instrument));
        _listener.SetMeasurementEventCallback<long>((instrument, _, _, _) => Call("measured", instrument));
        _listener.SetMeasurementEventCallback<double>((instrument, _, _, _) => Call("measured", instrument));
        _listener.Start();
    }

    /// <summary>
    /// Asks the instruments that are observed, as an exporter does. What its own callbacks throw there is its own affair.
    /// </summary>
    public void Observe()
    {
        try
        {
            _listener.RecordObservableInstruments();
        }
        catch (AggregateException)
        {
        }
    }

    public void Dispose()
    {
        try
        {
            _listener.Dispose();
        }
        catch (GuestException)
        {
        }
    }

    private void Published(Instrument instrument, MeterListener listener)
    {
        if (!instrument.Meter.Name.StartsWith(MlServeDiagnostics.MeterName, StringComparison.Ordinal)) return;

        // Of some it throws only behind that, so that those measure.
        listener.EnableMeasurementEvents(instrument);
        Call("published", instrument);
    }

    private void Call(string what, Instrument instrument) => _mischief.Call($"meter.{what}:{instrument.Name}");
}
