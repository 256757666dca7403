namespace MlServe;

/// <summary>
/// The options of one call, beyond its inputs. Immutable: make one and use it for as many calls as you like, or one for each request, or
/// change a copy by <c>with</c>. Two are equal if they hold the same list of outputs and otherwise equal values.
/// </summary>
public sealed record PredictionOptions
{
    /// <summary>
    /// The names of the outputs to return, in any order; null (the default): all. The runtime computes all of them either way; outputs that
    /// are not asked for are not copied out.
    /// </summary>
    public IReadOnlyList<string>? Outputs { get; init; }

    /// <summary>
    /// How long the caller waits for an answer, greater than zero. Default: null, as the predictor is set up. A request that cannot be
    /// answered in time is refused at once (<see cref="PredictionStatus.Overloaded"/>) or when the time is over
    /// (<see cref="PredictionStatus.DeadlineExceeded"/>), no matter what layers do.
    /// <see cref="System.Threading.Timeout.InfiniteTimeSpan"/>: as long as it takes, no matter how the predictor is set up.
    /// </summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>The rank of the request among those that wait. Default: <see cref="RequestPriority.Normal"/>.</summary>
    public RequestPriority Priority { get; init; }

    /// <summary>
    /// The caller. Default: null, as the host's <see cref="ICallerAccessor"/> says; without one, the application itself. Layers and
    /// decorators see it with every call.
    /// </summary>
    public Caller? Caller { get; init; }

    /// <summary>
    /// Names the sequence that the request belongs to, a conversation or a stream, say, so that layers can keep its requests together.
    /// Default: null, a request of its own. Not a tag.
    /// </summary>
    public string? SequenceKey { get; init; }
}
