namespace MlServe;

/// <summary>Runs stages around an inner predictor: without an allocation, and without an async method where the inner answers at once.</summary>
internal sealed class StagedPredictor : DelegatingPredictor
{
    private readonly PredictionStage[] _stages;
    private readonly TimeProvider? _clock;

    /// <param name="inner">The predictor behind the stages; not disposed.</param>
    /// <param name="stages">The stages, outermost first; disposed with this.</param>
    /// <param name="time">The clock for those that need one.</param>
    public StagedPredictor(IPredictor inner, PredictionStage[] stages, TimeProvider time)
        : base(inner)
    {
        _stages = stages;
        _clock = Array.Exists(stages, static stage => stage.NeedsTime) ? time : null;
    }

    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        var call = new StageCall(inputs, options, cancellationToken);
        if (_clock is not null) call.Started = _clock.GetTimestamp();

        var depth = 0;
        while (depth < _stages.Length)
        {
            if (!_stages[depth++].Before(ref call)) return new(Finish(ref call, depth));
        }

        ValueTask<Prediction> pending;
        try
        {
            pending = Inner.PredictAsync(call.Inputs, call.Options, call.CancellationToken);
            if (pending.IsCompletedSuccessfully)
            {
                call.Answer = pending.GetAwaiter().GetResult();
                return new(Finish(ref call, depth));
            }
        }
        catch (Exception exception)
        {
            Fail(ref call, depth, exception);
            throw;
        }

        return StagedOperation.Rent().Start(this, call, pending);
    }

    /// <summary>Runs the hooks behind the call for the stages that were entered.</summary>
    internal Prediction Finish(ref StageCall call, int depth)
    {
        if (_clock is not null) call.Ended = _clock.GetTimestamp();
        while (depth > 0)
            _stages[--depth].After(ref call);
        return call.Answer;
    }

    internal Prediction FinishAll(ref StageCall call) => Finish(ref call, _stages.Length);

    internal void FailAll(ref StageCall call, Exception exception) => Fail(ref call, _stages.Length, exception);

    public override object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is null)
        {
            foreach (var stage in _stages)
            {
                if (stage.GetService(serviceType) is { } service) return service;
            }
        }

        return base.GetService(serviceType, serviceKey);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (var stage in _stages)
                stage.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Fail(ref StageCall call, int depth, Exception exception)
    {
        if (_clock is not null) call.Ended = _clock.GetTimestamp();
        while (depth > 0)
            _stages[--depth].Failed(ref call, exception);
    }
}
