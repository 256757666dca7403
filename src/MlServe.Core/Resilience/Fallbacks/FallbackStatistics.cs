namespace MlServe.Resilience;

/// <summary>
/// How often a fallback chain was needed since it was built: <c>predictor.GetService&lt;FallbackStatistics&gt;()</c>. Safe for concurrent use.
/// </summary>
public sealed class FallbackStatistics
{
    private long _requests;
    private long _answers;
    private long _failures;

    /// <summary>Requests that ended.</summary>
    public long Requests => Interlocked.Read(ref _requests);

    /// <summary>Requests that the chain answered in the model's place.</summary>
    public long Answers => Interlocked.Read(ref _answers);

    /// <summary>Requests that the chain could not answer either.</summary>
    public long Failures => Interlocked.Read(ref _failures);

    /// <summary>The share of requests that the chain answered, 0 to 1.</summary>
    public double Share => Requests is var requests && requests > 0 ? (double)Answers / requests : 0;

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Answers} of {Requests} requests answered by fallback ({Share:P1}), {Failures} not answered");

    internal void Ended() => Interlocked.Increment(ref _requests);

    internal void Answered() => Interlocked.Increment(ref _answers);

    internal void Failed() => Interlocked.Increment(ref _failures);
}
