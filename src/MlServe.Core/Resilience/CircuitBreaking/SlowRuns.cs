namespace MlServe.Resilience;

/// <summary>
/// Says which runs are too slow. A run of several rows may take longer than a caller's p99: it is held against what its cost curve expects
/// of so many rows. A model that is slow and has nobody to answer in its place is still better than none. So its slowness counts only if
/// there is somebody, or if the application has stated the threshold.
/// </summary>
internal sealed class SlowRuns(CircuitBreaker breaker, TimeSpan? stated, TimeSpan? promised, TimeProvider time)
{
    /// <summary>Runs vary: one of several rows is slow beyond so many times the time that is expected of it.</summary>
    private const double Tolerance = 2;

    private readonly double _limit = (stated ?? promised)?.TotalSeconds ?? double.PositiveInfinity;

    // A request is timed only where that can make a difference.
    public bool AreTimed { get; } = (stated ?? promised) is not null;

    public bool IsSlow(in StageCall call)
    {
        if (stated is null && !breaker.HasFallback) return false;
        var origin = call.Answer.Origin;
        var rows = Math.Max(1, origin.BatchRows);
        if (origin.RunTime > TimeSpan.Zero) return origin.RunTime.TotalSeconds > LimitFor(rows, in origin);

        // On the direct path the whole call but for the wait; nothing is known there of what a row costs.
        var limit = LimitFor(rows, in origin);
        var seconds = (call.Now - call.AskedAt) / (double)time.TimestampFrequency;
        return seconds > limit && seconds - origin.QueueTime.TotalSeconds > limit;
    }

    private double LimitFor(int rows, in PredictionOrigin origin)
    {
        if (rows == 1) return _limit;
        if (origin.ExpectedRunTime <= TimeSpan.Zero) return _limit * rows;

        // Where one row alone keeps to the limit, the rows are what took the time; where it does not, the model is as slow for all.
        var alone = Math.Max(_limit, origin.ExpectedTimeAlone.TotalSeconds);
        return _limit * Math.Max(1, Tolerance * origin.ExpectedRunTime.TotalSeconds / alone);
    }
}
