namespace MlServe;

/// <summary>One call on its way through the stages.</summary>
internal struct StageCall(PredictionInputs inputs, PredictionOptions? options, TimeProvider time, CancellationToken cancellationToken)
{
    public PredictionInputs Inputs = inputs;
    public PredictionOptions? Options = options;
    public CancellationToken CancellationToken = cancellationToken;

    /// <summary>The answer so far.</summary>
    public Prediction Answer;

    /// <summary>What the circuit breaker, of which a pipeline has one at most, remembers of the call.</summary>
    public object? Ticket;

    /// <summary>Where the call goes in place of what is behind the stages, if one of them has said so.</summary>
    public IPredictor? Target;

    private readonly TimeProvider _time = time;
    private long _started;
    private long _ended;

    /// <summary>Whether a stage has asked for <see cref="Started"/>, so that it may be read after the call.</summary>
    public readonly bool IsTimed => _started != 0;

    /// <summary>
    /// When the call began, as a timestamp of the pipeline's <see cref="TimeProvider"/>. The clock is read once a call, for the first stage that asks,
    /// and not at all where none does; so ask in <see cref="PredictionStage.Before"/>, or look at <see cref="IsTimed"/> first.
    /// </summary>
    public long Started
    {
        get
        {
            if (_started == 0) _started = _time.GetTimestamp();
            return _started;
        }
    }

    /// <summary>When the call ended; read once a call, for the first stage that asks, behind the call.</summary>
    public long Ended
    {
        get
        {
            if (_ended == 0) _ended = _time.GetTimestamp();
            return _ended;
        }
    }
}
