namespace MlServe;

/// <summary>
/// A model's promises to its callers. They are said once and read by all code that needs them: deadlines, circuit breaker, load tests,
/// error budgets. Immutable.
/// </summary>
public sealed record ServiceLevel
{
    /// <summary>
    /// The latency that half of the answers keep, seen by the caller. Greater than zero and at most <see cref="P99"/>; null: no promise.
    /// </summary>
    public TimeSpan? P50 { get; init; }

    /// <summary>
    /// The latency that 99 % of the answers keep, seen by the caller. Greater than zero; null: no promise. Timeouts, the size of batches,
    /// how long they are held back, and the calls that a circuit breaker counts as slow follow from it.
    /// </summary>
    public TimeSpan? P99 { get; init; }

    /// <summary>The share of requests that get an answer, greater than 0 and less than 1 (0.999, say); null: no promise.</summary>
    public double? Availability { get; init; }

    /// <summary>The highest rate to expect, in requests a second. Greater than zero; null: not known.</summary>
    public double? PeakRps { get; init; }

    /// <summary>
    /// The share of answers that turn out right if the truth becomes known later, greater than 0 and at most 1; null: no promise. The
    /// application decides which answers count as right.
    /// </summary>
    public double? Quality { get; init; }

    /// <summary>The most that a million predictions may cost, in the currency of the reader. Greater than zero; null: no bound.</summary>
    public double? CostPerMillion { get; init; }

    /// <summary>The fault of the values, or null if there is none.</summary>
    internal string? Validate() => this switch
    {
        { P50: { } p50 } when p50 <= TimeSpan.Zero => OptionRange.Fault(nameof(P50), p50, "greater than zero"),
        { P99: { } p99 } when p99 <= TimeSpan.Zero => OptionRange.Fault(nameof(P99), p99, "greater than zero"),
        { P50: { } p50, P99: { } p99 } when p50 > p99 => OptionRange.Fault(nameof(P50), p50, $"at most {nameof(P99)}, which is {p99}"),
        { Availability: not null and not (> 0 and < 1) } =>
            OptionRange.Fault(nameof(Availability), Availability, "greater than 0 and less than 1"),
        { PeakRps: { } rate } when !(rate > 0 && double.IsFinite(rate)) => OptionRange.Fault(nameof(PeakRps), rate, "greater than zero"),
        { Quality: not null and not (> 0 and <= 1) } => OptionRange.Fault(nameof(Quality), Quality, "greater than 0 and at most 1"),
        { CostPerMillion: { } cost } when !(cost > 0 && double.IsFinite(cost)) =>
            OptionRange.Fault(nameof(CostPerMillion), cost, "greater than zero"),
        _ => null,
    };
}
