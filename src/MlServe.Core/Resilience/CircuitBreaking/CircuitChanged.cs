namespace MlServe.Resilience;

/// <summary>A circuit breaker went into another state, as <see cref="ICircuitBreaker.StateChanged"/> tells for one model.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Version">The version whose circuit it is.</param>
/// <param name="From">The state before.</param>
/// <param name="To">The state from then on.</param>
/// <param name="Reason">The failure that opened the circuit; null if there was another cause.</param>
/// <param name="At">When, by the host's clock.</param>
public sealed record CircuitChanged(string Model, ModelIdentity? Version, CircuitState From, CircuitState To, PredictionError? Reason,
    DateTimeOffset At)
    : ModelEvent(Model, Version, At);
