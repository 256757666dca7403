using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace MlServe.Guests;

/// <summary>
/// The meter of a host. Its listeners are called when instruments are made and when they measure. Their exceptions are counted and go no
/// further.
/// </summary>
internal sealed class GuardedMeter
{
    private static readonly ConditionalWeakTable<IMeterFactory, GuardedMeter> OfFactories = [];
    private static readonly Lazy<GuardedMeter> OfProcess = new(static () =>
        new(new(MlServeDiagnostics.MeterName, MlServeDiagnostics.Version), GuestReports.OfProcess));

    private readonly Meter _meter;
    private readonly GuestReports _reports;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Instrument?> _made = new(StringComparer.Ordinal);

    private GuardedMeter(Meter meter, GuestReports reports)
    {
        _meter = meter;
        _reports = reports;
    }

    /// <summary>The meter that a factory gives, or that of the process.</summary>
    /// <param name="factory">A host's factory, or null.</param>
    /// <param name="logger">Told of what listeners throw, if it is the first to ask.</param>
    public static GuardedMeter For(IMeterFactory? factory, ILogger? logger = null) => factory is null
        ? OfProcess.Value
        : OfFactories.GetValue(factory, _ => new(Create(factory), logger is null ? GuestReports.OfProcess : new(logger)));

    public GuardedHistogram<T> CreateHistogram<T>(string name, string unit, string description, InstrumentAdvice<T> advice)
        where T : struct => new(Make(name, () => _meter.CreateHistogram(name, unit, description, tags: null, advice)), _reports);

    /// <summary>A counter; a meter hands out the same one for the same name, so that the models of a host share it.</summary>
    public GuardedCounter<T> CreateCounter<T>(string name, string unit, string description)
        where T : struct => new(Make(name, () => _meter.CreateCounter<T>(name, unit, description)), _reports);

    public void ObserveCounter<T>(string name, Func<IEnumerable<Measurement<T>>> observe, string unit, string description)
        where T : struct => Make(name, () => _meter.CreateObservableCounter(name, observe, unit, description));

    public void ObserveUpDownCounter<T>(string name, Func<IEnumerable<Measurement<T>>> observe, string unit, string description)
        where T : struct => Make(name, () => _meter.CreateObservableUpDownCounter(name, observe, unit, description));

    private static Meter Create(IMeterFactory factory)
    {
        try
        {
            if (factory.Create(MlServeDiagnostics.MeterName, MlServeDiagnostics.Version) is { } meter) return meter;
        }
#pragma warning disable CA1031 // A model that is not measured is better than none.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            GuestReports.OfProcess.Add(Guest.MeterListener, exception);
        }

        return new(MlServeDiagnostics.MeterName, MlServeDiagnostics.Version);
    }

    private T? Make<T>(string name, Func<T> make)
        where T : Instrument
    {
        lock (_lock)
        {
            if (_made.TryGetValue(name, out var known)) return (T?)known;
        }

        // Outside of the lock: listeners are called in here.
        T? instrument;
        try
        {
            instrument = make();
        }
#pragma warning disable CA1031
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _reports.Add(Guest.MeterListener, exception);
            instrument = Find<T>(name);
        }

        lock (_lock)
        {
            _made.TryAdd(name, instrument);
            return (T?)_made[name];
        }
    }

    /// <summary>The instrument that was published in spite of a listener that threw: those that were told before it listen to it.</summary>
    private T? Find<T>(string name)
        where T : Instrument
    {
        T? found = null;
        using var finder = new MeterListener();
        finder.InstrumentPublished = (instrument, _) =>
        {
            if (ReferenceEquals(instrument.Meter, _meter) && instrument.Name == name) found = instrument as T ?? found;
        };
        finder.Start();
        return found;
    }
}
