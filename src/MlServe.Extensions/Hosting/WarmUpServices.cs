using System.Diagnostics.Metrics;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.Caching.Memory;
using MlServe.Guests;
using MlServe.Monitoring;

namespace MlServe.Hosting;

/// <summary>
/// The services of a warm-up: they have what layers need, and lead nowhere. There is no logger; meters have no listener but one of their own, because there is more to compile where
/// somebody listens; caches are empty and nobody else's.
/// </summary>
internal sealed class WarmUpServices : IServiceProvider, IUncountedMeterFactory
{
    private readonly ServiceLevel _serviceLevel;
    private readonly TimeProvider _time;
    private readonly Meter _meter = new("MlServe.WarmUp");
    private readonly MeterListener _listener = new();
    private MemoryCache? _memory;

    public WarmUpServices(ServiceLevel serviceLevel, TimeProvider time)
    {
        _serviceLevel = serviceLevel;
        _time = time;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (ReferenceEquals(instrument.Meter, _meter)) listener.EnableMeasurementEvents(instrument);
        };
        _listener.Start();
    }

    public object? GetService(Type serviceType) =>
        serviceType == typeof(IMeterFactory) ? this
        : serviceType == typeof(TimeProvider) ? _time
        : serviceType == typeof(ServiceLevel) ? _serviceLevel
        : serviceType == typeof(IMemoryCache) ? _memory ??= new(new MemoryCacheOptions())
        : serviceType == typeof(HybridCache) ? EmptyHybridCache.Instance
        : null;

    public Meter Create(MeterOptions options) => _meter;

    public void Dispose()
    {
        _listener.Dispose();
        Background.Quietly(Guest.MeterListener, _meter.Dispose);
        _memory?.Dispose();
    }
}
