using System.Runtime.CompilerServices;

namespace MlServe.Resilience;

/// <summary>
/// Cuts off what takes too long. A predictor that keeps deadlines itself is told the time; around any other a timer cancels the run, which frees its lane, and the caller gets a status.
/// </summary>
internal sealed class TimeoutPredictor : DelegatingPredictor, IShieldsCallers
{
    private readonly ConditionalWeakTable<PredictionOptions, PredictionOptions> _withTimeout = [];
    private readonly PredictionOptions _default;
    private readonly bool _isKeptInside;
    private readonly ModelIdentity? _identity;

    public TimeoutPredictor(IPredictor inner, TimeSpan timeout, TimeProvider time)
        : base(inner)
    {
        Timeout = timeout;
        Time = time;
        _identity = inner.GetService<ModelIdentity>();
        Model = _identity?.Name ?? "unnamed";
        _default = new() { Timeout = timeout };
        _isKeptInside = inner.GetService(typeof(IKeepsDeadlines)) is not null;
    }

    public TimeSpan Timeout { get; }

    public TimeProvider Time { get; }

    public string Model { get; }

    // Where the predictor behind keeps the deadline, what is handed out is what that one gives.
    bool IShieldsCallers.IsShielding => !_isKeptInside || Inner is IShieldsCallers { IsShielding: true };

    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (_isKeptInside) return Inner.PredictAsync(inputs, Timed(options), cancellationToken);
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<Prediction>(cancellationToken);

        var timeout = options?.Timeout ?? Timeout;
        if (timeout <= TimeSpan.Zero) return new(Prediction.FromError(TimedOut(isRun: false)));
        return TimeoutOperation.Rent().Start(this, timeout, Inner, in inputs, options, cancellationToken);
    }

    public override object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is null && serviceType == typeof(DefaultTimeout) ? new DefaultTimeout(Timeout) : base.GetService(serviceType, serviceKey);

    public PredictionError TimedOut(bool isRun) => new(PredictionStatus.DeadlineExceeded, isRun ? PredictionErrorCode.RunTimedOut : PredictionErrorCode.TimedOut,
        isRun ? "Model '{0}' ran until the time for an answer was over, and was cut off." : "The time for an answer of model '{0}' was over before there was one. Wait longer, or send less.",
        Model)
    {
        Model = _identity,
    };

    private PredictionOptions Timed(PredictionOptions? options)
    {
        if (options is null) return _default;
        return options.Timeout is not null ? options : _withTimeout.GetValue(options, options => options with { Timeout = Timeout });
    }
}
