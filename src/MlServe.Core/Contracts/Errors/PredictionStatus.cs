namespace MlServe;

/// <summary>How a prediction ended. Everything but <see cref="Ok"/> carries a <see cref="PredictionError"/>.</summary>
public enum PredictionStatus
{
    /// <summary>The run failed, and the caller is not to blame (500). Also the status of <c>default(Prediction)</c>.</summary>
    Failed = 0,

    /// <summary>There is an answer (200).</summary>
    Ok,

    /// <summary>The inputs do not fit the model (400).</summary>
    Invalid,

    /// <summary>The inputs are larger than the predictor takes (413).</summary>
    TooLarge,

    /// <summary>The caller is not known (401).</summary>
    Unauthenticated,

    /// <summary>The caller may not use the model (403).</summary>
    Forbidden,

    /// <summary>The caller asks too often (429).</summary>
    RateLimited,

    /// <summary>The queue is full, or the answer would come too late (503).</summary>
    Overloaded,

    /// <summary>The model is not loaded yet, or is being shut down (503).</summary>
    NotReady,

    /// <summary>The circuit breaker keeps requests from a model that fails (503).</summary>
    CircuitOpen,

    /// <summary>The deadline passed before there was an answer (504).</summary>
    DeadlineExceeded,
}
