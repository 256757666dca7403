using System.Diagnostics.Metrics;

namespace MlServe.ChildProcess.Guests;

/// <summary>Gives no meter to MlServe.</summary>
internal sealed class ThrowingMeterFactory(Mischief mischief) : IMeterFactory
{
    private readonly List<Meter> _meters = [];

    public Meter Create(MeterOptions options)
    {
        if (options.Name == MlServeDiagnostics.MeterName) mischief.Call("factory.CreateMeter");
        var meter = new Meter(options.Name);
        lock (_meters) _meters.Add(meter);
        return meter;
    }

    public void Dispose()
    {
        lock (_meters)
        {
            foreach (var meter in _meters)
                meter.Dispose();
        }
    }
}
