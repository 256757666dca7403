namespace MlServe.Batching;

/// <summary>
/// How long a batch may run so that its requests keep the p99 that their model promises. A request may come just behind a batch that has
/// begun. Then it waits for one run and rides in the next. Two runs, and the time for which batches are held back, must fit.
/// </summary>
internal sealed class LatencyBudget(TimeSpan? p99, TimeSpan maxQueueDelay)
{
    /// <summary>
    /// A row alone may take longer than the budget already. Then what shares its cost and adds little is run with it, because lines that
    /// grow would break the promise for more callers.
    /// </summary>
    private const double FreeShare = 1.5;

    private readonly double _runSeconds = p99 is { } promised
        ? Math.Max(0, (promised - maxQueueDelay).TotalSeconds / 2)
        : double.PositiveInfinity;

    /// <summary>The seconds that a caller may wait for an answer; infinite if nothing is promised.</summary>
    public double PromisedSeconds { get; } = p99?.TotalSeconds ?? double.PositiveInfinity;

    /// <summary>The most rows, up to a bound, of which the curve expects that they keep to the budget; 1 at least.</summary>
    public int Cap(CostCurve curve, int bound)
    {
        if (double.IsInfinity(_runSeconds) || !curve.IsKnown || bound <= 1) return bound;
        var budget = Math.Max(_runSeconds, FreeShare * curve.Predict(1));
        return curve.Predict(bound) <= budget ? bound : (int)Math.Clamp((budget - curve.Fixed) / curve.PerRow, 1, bound);
    }
}
