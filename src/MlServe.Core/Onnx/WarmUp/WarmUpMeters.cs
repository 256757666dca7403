using System.Diagnostics.Metrics;
using MlServe.Guests;

namespace MlServe.Onnx;

/// <summary>The meters of a warm-up. They have one listener, of their own, because there is more to compile if somebody listens.</summary>
internal sealed class WarmUpMeters : IMeterFactory
{
    private readonly Meter _meter = new("MlServe.WarmUp");
    private readonly MeterListener _listener = new();

    public WarmUpMeters()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (ReferenceEquals(instrument.Meter, _meter)) listener.EnableMeasurementEvents(instrument);
        };
        _listener.Start();
    }

    public Meter Create(MeterOptions options) => _meter;

    public void Dispose()
    {
        _listener.Dispose();
        Background.Quietly(Guest.MeterListener, _meter.Dispose);
    }
}
