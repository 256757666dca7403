namespace MlServe;

/// <summary>
/// A limit of time around what is inside. What keeps deadlines is told the time. What may overrun, a layer of the application's say, is given a copy of the inputs and runs
/// elsewhere, so that the caller is answered when the time is over although the layer goes on.
/// </summary>
internal sealed class LimitedPredictor : DelegatingPredictor, IShieldsCallers, IKeepsDeadlines
{
    private readonly TimeSpan? _limit;
    private readonly PredictionOptions? _default;
    private readonly bool _mayOverrun;
    private volatile Pair? _last;

    /// <param name="inner">What is inside.</param>
    /// <param name="limit">For calls that do not say; <see cref="Timeout.InfiniteTimeSpan"/>: as long as it takes.</param>
    /// <param name="time">The clock.</param>
    /// <param name="mayOverrun">Whether something inside may take longer than it is told.</param>
    /// <param name="overruns">Counts what did, and bounds it.</param>
    public LimitedPredictor(IPredictor inner, TimeSpan limit, TimeProvider time, bool mayOverrun, LayerOverruns overruns)
        : base(inner)
    {
        _limit = limit == Timeout.InfiniteTimeSpan ? null : limit;
        _default = _limit is null ? null : new() { Timeout = limit };
        _mayOverrun = mayOverrun;
        Time = time;
        Overruns = overruns;
    }

    public TimeProvider Time { get; }

    public LayerOverruns Overruns { get; }

    public IPredictor Layer => Inner;

    // Where nothing overruns, what is handed out is what the predictor inside gives.
    bool IShieldsCallers.IsShielding => _mayOverrun || Inner is IShieldsCallers { IsShielding: true };

    /// <summary>What a limit stands around; the predictor itself where it is none.</summary>
    public static IPredictor Within(IPredictor predictor) => predictor is LimitedPredictor limited ? limited.Layer : predictor;

    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (!_mayOverrun) return Inner.PredictAsync(inputs, WithLimit(options), cancellationToken);
        if (TimeLimit.Of(options, _limit) is not { } limit) return RelayedOperation<Prediction>.Of(Inner.PredictAsync(inputs, options, cancellationToken));
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<Prediction>(cancellationToken);
        if (limit <= TimeSpan.Zero) return new(Prediction.FromError(TimedOut()));
        return LimitedCall.Rent().Start(this, limit, in inputs, options is null ? _default! : WithLimit(options)!, cancellationToken);
    }

    public override object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is null && serviceType == typeof(DefaultTimeout) && _limit is { } limit ? new DefaultTimeout(limit) : base.GetService(serviceType, serviceKey);

    public PredictionError TimedOut() => new(PredictionStatus.DeadlineExceeded, PredictionErrorCode.TimedOut,
        "The time for an answer of model '{0}' was over before there was one. Wait longer, or send less.", Overruns.Model)
    {
        Model = Overruns.Identity,
    };

    public PredictionError TooManyOverruns() => new(PredictionStatus.Overloaded, PredictionErrorCode.LayersOverrun,
        "{0} calls of model '{1}' are still in a layer of the application's although their time is over. Let the layer heed its token, or bound what it waits for.",
        LayerOverruns.Most, Overruns.Model)
    {
        Model = Overruns.Identity,
    };

    /// <summary>The caller's options with the limit; made once for options that are used again and again.</summary>
    private PredictionOptions? WithLimit(PredictionOptions? options)
    {
        if (options is null || _limit is null) return options ?? _default;
        if (options.Timeout is not null) return options;
        if (_last is { } last && ReferenceEquals(last.Given, options)) return last.Limited;
        var limited = options with { Timeout = _limit };

        // Options that say who asks are a request's own, and are not to be kept.
        if (options.Caller is null && options.SequenceKey is null) _last = new(options, limited);
        return limited;
    }

    private sealed record Pair(PredictionOptions Given, PredictionOptions Limited);
}
