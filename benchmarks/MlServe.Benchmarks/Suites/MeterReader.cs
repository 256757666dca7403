using System.Diagnostics.Metrics;

namespace MlServe.Benchmarks.Suites;

/// <summary>Reads all of MlServe's metrics, as an exporter does, and forgets them.</summary>
internal static class MeterReader
{
    public static MeterListener Start()
    {
        var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Meter.Name == MlServeDiagnostics.MeterName) listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<double>(static (_, _, _, _) => { });
        listener.SetMeasurementEventCallback<long>(static (_, _, _, _) => { });
        listener.SetMeasurementEventCallback<int>(static (_, _, _, _) => { });
        listener.Start();
        return listener;
    }
}
