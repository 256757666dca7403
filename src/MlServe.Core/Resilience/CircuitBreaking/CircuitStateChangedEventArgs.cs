namespace MlServe.Resilience;

/// <summary>A change of a circuit breaker's state.</summary>
/// <param name="from">The state before.</param>
/// <param name="to">The state from now on.</param>
/// <param name="reason">The failure that opened the circuit; null if there was another cause.</param>
public sealed class CircuitStateChangedEventArgs(CircuitState from, CircuitState to, PredictionError? reason) : EventArgs
{
    /// <summary>The state before.</summary>
    public CircuitState From { get; } = from;

    /// <summary>The state from now on.</summary>
    public CircuitState To { get; } = to;

    /// <summary>The failure that opened the circuit; null if there was another cause.</summary>
    public PredictionError? Reason { get; } = reason;
}
