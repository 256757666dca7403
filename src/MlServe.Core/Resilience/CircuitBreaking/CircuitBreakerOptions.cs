namespace MlServe.Resilience;

/// <summary>When a circuit breaker keeps requests from a model, and for how long.</summary>
public sealed class CircuitBreakerOptions
{
    /// <summary>
    /// The share of runs that fail, are too slow or give an invalid answer at which the circuit opens, greater than 0, up to 1. Default:
    /// 0.1.
    /// </summary>
    public double FailureRatio { get; set; } = 0.1;

    /// <summary>
    /// Runs in the window below which the circuit never opens, 2 to 1,000,000. Default: 20. A model with 10 requests a second reaches
    /// that within two seconds, and two failures of 20 runs open the circuit at the default of <see cref="FailureRatio"/>.
    /// </summary>
    public int MinimumThroughput { get; set; } = 20;

    /// <summary>The window in which runs are counted, 00:00:01 to 01:00:00. Default: 00:00:10.</summary>
    public TimeSpan SamplingDuration { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long the first break is, 00:00:00.001 to 1.00:00:00. Default: 00:00:05. Each break after a failed trial is twice as long, up to
    /// 20 % longer or shorter by chance.
    /// </summary>
    public TimeSpan BreakDuration { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest break, <see cref="BreakDuration"/> or more, up to 1.00:00:00. Default: 00:01:00.</summary>
    public TimeSpan MaxBreakDuration { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Runs that must succeed before a half-open circuit is closed, 1 to 100. Default: 3. First one is tried. After k have
    /// succeeded, up to k + 1 may run at the same time. If none ends within a <see cref="BreakDuration"/>, one more is let through.
    /// </summary>
    public int ProbeCount { get; set; } = 3;

    /// <summary>
    /// The run time of one row, queueing left out, above which a run counts as a failure although it is answered. Greater than 00:00:00. A
    /// batch may take twice the time that is expected of so many rows; without batching, n rows may take n times the threshold. Default:
    /// null, the model's <see cref="ServiceLevel.P99"/>, and only if a fallback chain answers in its place: a slow answer is better than
    /// none.
    /// </summary>
    public TimeSpan? SlowRunThreshold { get; set; }

    /// <summary>
    /// Whether an answer that holds a NaN or an infinity is a failure, for the caller as well. It is no failure if answers to the trial
    /// rows of the load held the same value (NaN, +infinity or -infinity) in the same output. Default: true; set it to false for a model
    /// that answers NaN or infinity on purpose.
    /// </summary>
    public bool RequireFiniteOutputs { get; set; } = true;

    /// <summary>
    /// The names of outputs that hold probabilities along their last axis. Each must be within 0 and 1 and their sum must be 1, or the
    /// answer is a failure. Default: none.
    /// </summary>
    public IList<string> ProbabilityOutputs { get; set; } = [];

    /// <summary>
    /// How far a sum of probabilities may be from 1, greater than 0, up to 1. Default: 0.01. If
    /// probabilities are rounded to 8 bits, their sum stays within that.
    /// </summary>
    public double ProbabilityTolerance { get; set; } = 0.01;

    /// <summary>
    /// A check of one's own: whether an answer can be right. Called for each answer, in its caller's context. If an answer did not pass,
    /// the model's own sample row is run again, and that answer is checked too. If it throws, the exception is logged once and the answer
    /// is taken for valid. Must be safe for concurrent use and must not dispose the prediction. Default: null.
    /// </summary>
    public Func<Prediction, bool>? OutputCheck { get; set; }

    /// <summary>Chance, 0 up to 1, for the length of breaks.</summary>
    internal Func<double> Jitter { get; set; } = Random.Shared.NextDouble;

    /// <summary>Names the faults of the values: one message each, none if there are no faults.</summary>
    /// <returns>Messages that name the option, its value and its range.</returns>
    public IEnumerable<string> Validate() => new OptionRange()
        .PositiveShare(FailureRatio)
        .Between(MinimumThroughput, 2, 1_000_000)
        .Between(SamplingDuration, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1))
        .Between(BreakDuration, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1))
        .Check(
            MaxBreakDuration,
            MaxBreakDuration >= BreakDuration && MaxBreakDuration <= TimeSpan.FromDays(1),
            $"{nameof(BreakDuration)} ({BreakDuration}) or more, up to {TimeSpan.FromDays(1)}")
        .Between(ProbeCount, 1, 100)
        .Positive(SlowRunThreshold)
        .PositiveShare(ProbabilityTolerance)
        .Faults;
}
