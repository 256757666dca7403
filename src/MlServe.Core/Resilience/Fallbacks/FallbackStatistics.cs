using MlServe.Statistics;

namespace MlServe.Resilience;

/// <summary>
/// How often a fallback chain was needed since it was built: <c>predictor.GetService&lt;FallbackStatistics&gt;()</c>. Safe for concurrent
/// use.
/// </summary>
public sealed class FallbackStatistics
{
    private const int EndedRequests = 0;
    private const int AnsweredRequests = 1;
    private const int FailedRequests = 2;

    private readonly StripedCounters _counts = new(3);

    /// <summary>Requests that ended.</summary>
    public long Requests => _counts[EndedRequests];

    /// <summary>Requests that the chain answered in the model's place.</summary>
    public long Answers => _counts[AnsweredRequests];

    /// <summary>Requests that the chain could not answer either.</summary>
    public long Failures => _counts[FailedRequests];

    /// <summary>The share of requests that the chain answered, 0 to 1.</summary>
    public double Share => Requests is var requests && requests > 0 ? (double)Answers / requests : 0;

    /// <inheritdoc/>
    public override string ToString() =>
        FormattableString.Invariant($"{Answers} of {Requests} requests answered by fallback ({Share:P1}), {Failures} not answered");

    internal void Ended() => _counts.Count(EndedRequests);

    internal void Answered() => _counts.Count(AnsweredRequests);

    internal void Failed() => _counts.Count(FailedRequests);
}
