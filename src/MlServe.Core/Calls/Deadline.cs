using MlServe.Threading;

namespace MlServe;

/// <summary>
/// Until when a caller waits: one moment, made once at the outermost limit that applies to a call, and handed inwards as it is. A layer of
/// somebody else's is told the time that is left.
/// </summary>
internal readonly struct Deadline
{
    /// <summary>Timers count milliseconds: options that are that near to the time left are good as they are.</summary>
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(1);

    private readonly TimeProvider? _clock;
    private readonly long _at;

    /// <param name="clock">The clock.</param>
    /// <param name="at">Its timestamp; <see cref="long.MaxValue"/>: never.</param>
    public Deadline(TimeProvider clock, long at)
    {
        if (at != long.MaxValue) (_clock, _at) = (clock, at);
    }

    /// <summary>There is none, as far as is known.</summary>
    public static Deadline Never => default;

    public bool IsNever => _clock is null;

    /// <summary>Whether the time is over.</summary>
    public bool IsOver => _clock is not null && _clock.GetTimestamp() >= _at;

    /// <summary>The rest of the time; less than nothing if it is over; <see cref="TimeSpan.MaxValue"/>: there is no end.</summary>
    public TimeSpan Left => _clock is null ? TimeSpan.MaxValue : _clock.GetElapsedTime(_clock.GetTimestamp(), _at);

    /// <summary>How long a call may take, of what its caller and the predictor say.</summary>
    /// <param name="options">The caller's options, which go first.</param>
    /// <param name="byDefault">The limit that holds if the caller says nothing; null: none.</param>
    /// <returns>The time; null: as long as it takes, also if <see cref="Timeout.InfiniteTimeSpan"/> is asked for.</returns>
    public static TimeSpan? LimitOf(PredictionOptions? options, TimeSpan? byDefault = null) =>
        (options?.Timeout ?? byDefault) is { } limit && limit != Timeout.InfiniteTimeSpan ? limit : null;

    /// <summary>The moment as a timestamp of a clock; <see cref="long.MaxValue"/>: never.</summary>
    public long On(TimeProvider clock)
    {
        if (_clock is null) return long.MaxValue;
        return ReferenceEquals(_clock, clock) ? _at : clock.After(Left);
    }

    /// <summary>Asks a predictor, which has until this moment.</summary>
    public ValueTask<Prediction> Ask(
        IPredictor predictor, PredictionInputs inputs, PredictionOptions? options, CancellationToken cancellationToken)
    {
        if (_clock is null) return predictor.PredictAsync(inputs, options, cancellationToken);
        return predictor is ITakesDeadlines taker
            ? taker.PredictAsync(inputs, options, this, cancellationToken)
            : predictor.PredictAsync(inputs, Tell(options), cancellationToken);
    }

    /// <summary>The options for somebody else's layer, with the time that is left.</summary>
    public PredictionOptions? Tell(PredictionOptions? options)
    {
        if (_clock is null) return options;
        var left = Left;
        if (options?.Timeout is { } said && said >= left && said - left < Step) return options;
        return (options ?? new()) with { Timeout = left > TimeSpan.Zero ? left : TimeSpan.FromTicks(1) };
    }
}
