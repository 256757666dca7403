using System.Runtime.ExceptionServices;

namespace MlServe;

/// <summary>Runs stages around an inner predictor: without an allocation, and without an async method where the inner answers at once.</summary>
internal sealed class StagedPredictor : DelegatingPredictor, IShieldsCallers
{
    private readonly PredictionStage[] _stages;
    private readonly TimeProvider _time;

    /// <param name="inner">The predictor behind the stages; not disposed.</param>
    /// <param name="stages">The stages, outermost first; disposed with this.</param>
    /// <param name="time">The clock for those that ask for one.</param>
    public StagedPredictor(IPredictor inner, PredictionStage[] stages, TimeProvider time)
        : base(inner)
    {
        _stages = stages;
        _time = time;
        CallsApplication = Array.Exists(stages, static stage => stage.CallsApplication);
    }

    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        var call = new StageCall(inputs, options, _time, cancellationToken);
        var depth = 0;
        ValueTask<Prediction> pending;
        try
        {
            while (true)
            {
                if (depth == _stages.Length)
                {
                    pending = (call.Target ?? Inner).PredictAsync(call.Inputs, call.Options, call.CancellationToken);
                    if (!pending.IsCompletedSuccessfully) break;
                    call.Answer = pending.GetAwaiter().GetResult();
                    return new(Finish(ref call, ref depth));
                }

                var goesOn = _stages[depth].Before(ref call);
                depth++;
                if (!goesOn) return new(Finish(ref call, ref depth));
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
    /// <param name="call">The call.</param>
    /// <param name="depth">How many were entered; counted down, so that no stage is left twice where a hook throws.</param>
    internal Prediction Finish(ref StageCall call, ref int depth)
    {
        while (depth > 0)
            _stages[--depth].After(ref call);
        return call.Answer;
    }

    /// <summary>Runs the hooks for a call that ends with an exception: all of them, also behind one that throws, which is thrown in the end.</summary>
    internal void Fail(ref StageCall call, int depth, Exception exception)
    {
        ExceptionDispatchInfo? another = null;
        while (depth > 0)
        {
            try
            {
                _stages[--depth].Failed(ref call, exception);
            }
#pragma warning disable CA1031
            catch (Exception thrown)
#pragma warning restore CA1031
            {
                another ??= ExceptionDispatchInfo.Capture(thrown);
            }
        }

        another?.Throw();
    }

    bool IShieldsCallers.IsShielding => true;

    internal int StageCount => _stages.Length;

    internal bool CallsApplication { get; }

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
}
