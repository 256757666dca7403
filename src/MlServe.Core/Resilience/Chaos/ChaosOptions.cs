namespace MlServe.Resilience;

/// <summary>Faults to inject into a model, for tests of the code around it. Each rate is a share of requests, 0 to 1.</summary>
public sealed class ChaosOptions
{
    /// <summary>
    /// Whether faults are injected at all. Default: false. In a host only configuration can set it, so that code cannot leave it on.
    /// </summary>
    public bool Enabled { get; set; }

    /// <summary>The share of requests that are held up, 0 to 1. Default: 0.</summary>
    public double LatencyRate { get; set; }

    /// <summary>How long they are held up, 00:00:00 to 01:00:00. Default: 00:00:01.</summary>
    public TimeSpan Latency { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The share of requests that end with the status <see cref="PredictionStatus.Failed"/>, 0 to 1. Default: 0.</summary>
    public double FailureRate { get; set; }

    /// <summary>The share of answers whose first number in each output of floating point is made a NaN, 0 to 1. Default: 0.</summary>
    public double InvalidOutputRate { get; set; }

    /// <summary>
    /// The seed of the random numbers. With the same seed, the same requests get the same faults each time the program runs, if requests
    /// come one after another. Default: null, a different seed each time.
    /// </summary>
    public int? Seed { get; set; }

    /// <summary>Names the faults of the values: one message each, none if there are no faults.</summary>
    /// <returns>Messages that name the option, its value and its range.</returns>
    public IEnumerable<string> Validate() => new OptionRange()
        .Between(LatencyRate, 0d, 1d)
        .Between(Latency, TimeSpan.Zero, TimeSpan.FromHours(1))
        .Between(FailureRate, 0d, 1d)
        .Between(InvalidOutputRate, 0d, 1d)
        .Faults;
}
