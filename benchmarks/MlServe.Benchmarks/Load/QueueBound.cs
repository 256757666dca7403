namespace MlServe.Benchmarks.Load;

/// <summary>
/// The least mean latency that any server can show under Poisson arrivals: that of an M/D/1 queue (Pollaczek and Khinchine) whose server
/// does a row in the time that the real one needs at its best, all cores and full batches counted. What measures less has a broken clock.
/// </summary>
internal static class QueueBound
{
    private const int MinRequests = 1000;

    // Near saturation a small error of the measured service time moves the bound far.
    private const double MaxUtilization = 0.9;

    // Runs do not all take the same time, and the least one measured is not the least there is.
    private const double Tolerance = 0.8;

    /// <summary>Mean time in the queue and in service, in milliseconds; null where it says nothing.</summary>
    /// <param name="rate">Requests a second.</param>
    /// <param name="serviceMilliseconds">A row's share of the fastest run.</param>
    public static double? MeanMilliseconds(double rate, double serviceMilliseconds)
    {
        var utilization = rate * serviceMilliseconds / 1e3;
        if (!(utilization > 0) || utilization > MaxUtilization) return null;
        return serviceMilliseconds * (1 + (utilization / (2 * (1 - utilization))));
    }

    /// <summary>Whether a step shows less than can be.</summary>
    public static bool IsBroken(StepRecorder step, double? serviceMilliseconds) =>
        serviceMilliseconds is { } service && step.Latency.TotalCount >= MinRequests
        && MeanMilliseconds(step.Rate, service) is { } least && step.Latency.MeanMilliseconds() < Tolerance * least;
}
