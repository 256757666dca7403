namespace MlServe.Resilience;

/// <summary>
/// The circuit breaker of one version of a model: <c>predictor.GetService&lt;ICircuitBreaker&gt;()</c>. Safe for concurrent use.
/// </summary>
public interface ICircuitBreaker
{
    /// <summary>The version that it guards.</summary>
    ModelIdentity Model { get; }

    /// <summary>The state of the circuit. An open circuit becomes half open by the first request after the break.</summary>
    CircuitState State { get; }

    /// <summary>The time that is left of the break; null if the circuit is closed or isolated.</summary>
    TimeSpan? RetryAfter { get; }

    /// <summary>The failure that opened it last; null if none has.</summary>
    PredictionError? LastFailure { get; }

    /// <summary>
    /// Raised behind each change of the state, on the thread that made it. An exception of a handler is logged and harms nobody.
    /// </summary>
    event EventHandler<CircuitStateChangedEventArgs>? StateChanged;

    /// <summary>Opens the circuit; it is tried again when the break is over.</summary>
    /// <param name="duration">How long, greater than zero; null: <see cref="CircuitBreakerOptions.BreakDuration"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="duration"/> is zero or less.</exception>
    void Open(TimeSpan? duration = null);

    /// <summary>Opens the circuit until it is closed by hand.</summary>
    void Isolate();

    /// <summary>Closes the circuit and forgets the counts.</summary>
    void Close();
}
