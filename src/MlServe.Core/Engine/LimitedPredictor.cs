namespace MlServe;

/// <summary>
/// A limit of time around what may overrun, a layer of the application's say: it is given a copy of the inputs and runs elsewhere, so that
/// the caller is answered when the time is over although the layer goes on.
/// </summary>
internal sealed class LimitedPredictor : DelegatingPredictor, IShieldsCallers, IKeepsDeadlines
{
    private readonly CallLimit _limit;

    /// <param name="inner">What is inside.</param>
    /// <param name="limit">For calls that do not say.</param>
    /// <param name="time">The clock.</param>
    /// <param name="overruns">Counts what overran, and bounds it.</param>
    public LimitedPredictor(IPredictor inner, CallLimit limit, TimeProvider time, LayerOverruns overruns)
        : base(inner)
    {
        _limit = limit;
        Time = time;
        Overruns = overruns;
    }

    public TimeProvider Time { get; }

    public LayerOverruns Overruns { get; }

    public IPredictor Layer => Inner;

    bool IShieldsCallers.IsShielding => true;

    /// <summary>What a limit stands around; the predictor itself where it is none.</summary>
    public static IPredictor Within(IPredictor predictor) => predictor switch
    {
        LimitedPredictor limited => limited.Layer,
        StagedPredictor { IsLimit: true } staged => staged.Behind,
        _ => predictor,
    };

    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (TimeLimit.Of(options, _limit.Time) is not { } limit)
            return RelayedOperation<Prediction>.Of(Inner.PredictAsync(inputs, options, cancellationToken));
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<Prediction>(cancellationToken);
        if (limit <= TimeSpan.Zero) return new(Prediction.FromError(TimedOut()));
        return LimitedCall.Rent().Start(this, limit, in inputs, _limit.Of(options)!, cancellationToken);
    }

    public override object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is null && serviceType == typeof(DefaultTimeout) && _limit.Default is { } given
            ? given
            : base.GetService(serviceType, serviceKey);

    public PredictionError TimedOut() => new(PredictionStatus.DeadlineExceeded, PredictionErrorCode.TimedOut,
        "The time for an answer of model '{0}' was over before there was one. Wait longer, or send less.", Overruns.Model)
    {
        Model = Overruns.Identity,
    };

    public PredictionError TooManyOverruns() => new(PredictionStatus.Overloaded, PredictionErrorCode.LayersOverrun,
        "{0} calls of model '{1}' are still in a layer of the application's although their time is over. Let the layer heed its token, or "
            + "bound what it waits for.",
        LayerOverruns.Most, Overruns.Model)
    {
        Model = Overruns.Identity,
    };
}
