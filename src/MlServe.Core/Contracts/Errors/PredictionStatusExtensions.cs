namespace MlServe;

/// <summary>The meaning of a status for others.</summary>
public static class PredictionStatusExtensions
{
    /// <summary>The HTTP status code (RFC 9110, RFC 6585) that says the same.</summary>
    /// <param name="status">The status of a prediction.</param>
    public static int ToHttpStatusCode(this PredictionStatus status) => status switch
    {
        PredictionStatus.Ok => 200,
        PredictionStatus.Invalid => 400,
        PredictionStatus.Unauthenticated => 401,
        PredictionStatus.Forbidden => 403,
        PredictionStatus.TooLarge => 413,
        PredictionStatus.RateLimited => 429,
        PredictionStatus.Overloaded or PredictionStatus.NotReady or PredictionStatus.CircuitOpen => 503,
        PredictionStatus.DeadlineExceeded => 504,
        _ => 500,
    };

    /// <summary>
    /// The name in lowercase snake_case (<c>deadline_exceeded</c>), as it stands in the metric tags <c>mlserve.status</c> and
    /// <c>error.type</c>.
    /// </summary>
    /// <param name="status">The status of a prediction.</param>
    public static string ToTag(this PredictionStatus status) => status switch
    {
        PredictionStatus.Ok => "ok",
        PredictionStatus.Invalid => "invalid",
        PredictionStatus.TooLarge => "too_large",
        PredictionStatus.Unauthenticated => "unauthenticated",
        PredictionStatus.Forbidden => "forbidden",
        PredictionStatus.RateLimited => "rate_limited",
        PredictionStatus.Overloaded => "overloaded",
        PredictionStatus.NotReady => "not_ready",
        PredictionStatus.CircuitOpen => "circuit_open",
        PredictionStatus.DeadlineExceeded => "deadline_exceeded",
        _ => "failed",
    };
}
