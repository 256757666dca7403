using MlServe.Threading;

namespace MlServe;

/// <summary>
/// A limit of time around what may overrun, a layer of the application's say: it is given a copy of the inputs and runs elsewhere, so that
/// the caller is answered when the time is over although the layer goes on.
/// </summary>
internal sealed class LimitedPredictor : DelegatingPredictor, IShieldsCallers, IKeepsDeadlines, ITakesDeadlines
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
        if (Deadline.LimitOf(options, _limit.Time) is not { } limit)
            return RelayedOperation<Prediction>.Of(Inner.PredictAsync(inputs, options, cancellationToken));
        return Start(in inputs, _limit.Of(options)!, Time.After(limit), limit <= TimeSpan.Zero, cancellationToken);
    }

    public ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options, Deadline deadline, CancellationToken cancellationToken) => deadline.IsNever
        ? PredictAsync(inputs, options, cancellationToken)
        : Start(in inputs, deadline.Tell(options)!, deadline.On(Time), deadline.IsOver, cancellationToken);

    public override object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is null && serviceType == typeof(DefaultTimeout) && _limit.Default is { } given
            ? given
            : base.GetService(serviceType, serviceKey);

    private ValueTask<Prediction> Start(
        in PredictionInputs inputs, PredictionOptions options, long deadline, bool isOver, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<Prediction>(cancellationToken);
        if (isOver) return new(Prediction.FromError(TimedOut()));
        return LimitedCall.Rent().Start(this, deadline, in inputs, options, cancellationToken);
    }

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
