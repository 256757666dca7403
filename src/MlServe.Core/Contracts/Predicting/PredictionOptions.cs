namespace MlServe;

/// <summary>What one call asks for beyond its inputs. Immutable: make one and use it for as many calls as you like.</summary>
public sealed class PredictionOptions
{
    /// <summary>
    /// The names of the outputs to return, in any order; null (the default): all. The runtime computes all of them either way; what is not asked for is
    /// not copied out.
    /// </summary>
    public IReadOnlyList<string>? Outputs { get; init; }

    /// <summary>
    /// How long the caller waits for an answer, greater than zero. Default: null, as the predictor is set up. What cannot be answered in time is
    /// refused at once (<see cref="PredictionStatus.Overloaded"/>) or when the time is over (<see cref="PredictionStatus.DeadlineExceeded"/>), whatever layers
    /// do. <see cref="System.Threading.Timeout.InfiniteTimeSpan"/>: as long as it takes, whatever the predictor is set up for.
    /// </summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Whose turn it is where requests wait. Default: <see cref="RequestPriority.Normal"/>.</summary>
    public RequestPriority Priority { get; init; }

    /// <summary>What an executor made of <see cref="Outputs"/>, kept so that reused options are looked up once.</summary>
    internal OutputSelection? Selection { get; set; }

    /// <summary>The same, with another time to wait.</summary>
    internal PredictionOptions WithTimeout(TimeSpan? timeout) => new()
    {
        Outputs = Outputs,
        Timeout = timeout,
        Priority = Priority,
        Selection = Selection,
    };
}
