namespace MlServe;

/// <summary>How long calls may take that do not say. Safe for concurrent use.</summary>
internal sealed class CallLimit
{
    private readonly PredictionOptions? _default;
    private volatile Pair? _last;

    /// <param name="time">The time; <see cref="Timeout.InfiniteTimeSpan"/>: as long as it takes.</param>
    public CallLimit(TimeSpan time)
    {
        if (time == Timeout.InfiniteTimeSpan) return;
        Time = time;
        Default = new(time);
        _default = new() { Timeout = time };
    }

    /// <summary>The time; null: as long as it takes.</summary>
    public TimeSpan? Time { get; }

    /// <summary>The same, for layers around the limit.</summary>
    public DefaultTimeout? Default { get; }

    /// <summary>The caller's options with the limit; made once for options that are used again and again.</summary>
    public PredictionOptions? Of(PredictionOptions? options)
    {
        if (options is null || Time is null) return options ?? _default;
        if (options.Timeout is not null) return options;
        if (_last is { } last && ReferenceEquals(last.Given, options)) return last.Limited;
        var limited = options with { Timeout = Time };

        // Options that say who asks are a request's own, and are not to be kept.
        if (options.Caller is null && options.SequenceKey is null) _last = new(options, limited);
        return limited;
    }

    private sealed record Pair(PredictionOptions Given, PredictionOptions Limited);
}
