using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using MlServe.Guests;

namespace MlServe.Resilience;

/// <summary>The instruments of the circuit breakers of one host.</summary>
internal sealed class CircuitMetrics
{
    private static readonly (CircuitState State, KeyValuePair<string, object?> Tag)[] States =
    [
        (CircuitState.Closed, Tag("closed")),
        (CircuitState.HalfOpen, Tag("half_open")),
        (CircuitState.Open, Tag("open")),
        (CircuitState.Isolated, Tag("isolated")),
    ];

    private readonly Lock _lock = new();
    private readonly List<CircuitBreaker> _breakers = [];
    private readonly ConcurrentDictionary<string, VersionTags> _versions = new(StringComparer.Ordinal);
    private readonly GuardedCounter<long> _transitions;

    private CircuitMetrics(GuardedMeter meter)
    {
        meter.ObserveUpDownCounter(
            MlServeDiagnostics.CircuitActiveMetric, Observe, "{circuit}",
            "1 for the state in which a circuit breaker is, 0 for the others.");
        _transitions = meter.CreateCounter<long>(
            MlServeDiagnostics.CircuitTransitionsMetric, "{transition}", "How often a circuit breaker went into a state.");
    }

    public static CircuitMetrics For(GuardedMeter meter) => HostInstruments.For(meter, static meter => new CircuitMetrics(meter));

    public void Add(CircuitBreaker breaker)
    {
        lock (_lock) _breakers.Add(breaker);
    }

    public void Remove(CircuitBreaker breaker)
    {
        lock (_lock) _breakers.Remove(breaker);
    }

    public void Changed(CircuitBreaker breaker, CircuitState to)
    {
        if (_transitions.Enabled) _transitions.Add(1, [Model(breaker), Version(breaker), States[(int)to].Tag]);
    }

    private List<Measurement<int>> Observe()
    {
        var measurements = new List<Measurement<int>>();
        lock (_lock)
        {
            foreach (var breaker in _breakers)
            {
                var now = breaker.State;
                foreach (var (state, tag) in States)
                    measurements.Add(new(now == state ? 1 : 0, Model(breaker), Version(breaker), tag));
            }
        }

        return measurements;
    }

    private static KeyValuePair<string, object?> Tag(string state) => new(MlServeDiagnostics.CircuitStateTag, state);

    private static KeyValuePair<string, object?> Model(CircuitBreaker breaker) => new(MlServeDiagnostics.ModelTag, breaker.Model.Name);

    /// <summary>A model that is loaded anew again and again has a bounded number of them.</summary>
    private KeyValuePair<string, object?> Version(CircuitBreaker breaker) =>
        _versions.GetOrAdd(breaker.Model.Name, static _ => new()).TagOf(breaker.Model);
}
