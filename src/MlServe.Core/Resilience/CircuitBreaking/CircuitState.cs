namespace MlServe.Resilience;

/// <summary>The state of a circuit breaker.</summary>
public enum CircuitState
{
    /// <summary>Requests go to the model.</summary>
    Closed = 0,

    /// <summary>A few requests try whether the model answers again; the others are refused.</summary>
    HalfOpen,

    /// <summary>Requests are refused until the break is over.</summary>
    Open,

    /// <summary>Requests are refused until the breaker is closed by hand.</summary>
    Isolated,
}
