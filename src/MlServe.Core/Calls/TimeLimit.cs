namespace MlServe;

/// <summary>How long a call may take, of what the caller and the predictor say.</summary>
internal static class TimeLimit
{
    /// <param name="options">The caller's options, which go first.</param>
    /// <param name="byDefault">What holds where the caller says nothing; null: nothing.</param>
    /// <returns>The time; null: as long as it takes, also where <see cref="Timeout.InfiniteTimeSpan"/> is asked for.</returns>
    public static TimeSpan? Of(PredictionOptions? options, TimeSpan? byDefault = null) =>
        (options?.Timeout ?? byDefault) is { } limit && limit != Timeout.InfiniteTimeSpan ? limit : null;
}
