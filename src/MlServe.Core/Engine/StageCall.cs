using System.Runtime.CompilerServices;

namespace MlServe;

/// <summary>One call on its way through the stages.</summary>
internal struct StageCall(PredictionInputs inputs, PredictionOptions? options, TimeProvider time, CancellationToken cancellationToken)
{
    public PredictionInputs Inputs = inputs;
    public PredictionOptions? Options = options;
    public CancellationToken CancellationToken = cancellationToken;

    /// <summary>The answer so far.</summary>
    public Prediction Answer;

    /// <summary>What is waited for.</summary>
    public ValueTask<Prediction> Pending;

    /// <summary>What each stage remembers of the call.</summary>
    public StageSlots Slots;

    /// <summary>How many stages have been entered and not left.</summary>
    public int Depth;

    public StagePhase Phase;

    /// <summary>When the model was asked, as a timestamp; for the one stage of a pipeline that times it.</summary>
    public long AskedAt;

    /// <summary>Where the call goes in place of all that is behind a stage, if that stage has said so; null: to what is behind.</summary>
    public IPredictor? Target;

    private readonly TimeProvider _time = time;
    private long _started;

    /// <summary>Whether a stage has asked for <see cref="Started"/>, so that it may be read after the call.</summary>
    public readonly bool IsTimed => _started != 0;

    /// <summary>
    /// When the call began, as a timestamp of the pipeline's <see cref="TimeProvider"/>. The clock is read once a call, for the first stage
    /// that asks, and not at all where none does; so ask in <see cref="PredictionStage.Before"/>, or look at <see cref="IsTimed"/> first.
    /// </summary>
    public long Started
    {
        get
        {
            if (_started == 0) _started = _time.GetTimestamp();
            return _started;
        }
    }

    /// <summary>Says what is waited for; once, and by whoever returns <see cref="StageOutcome.Pending"/>.</summary>
    public StageOutcome Wait(ValueTask<Prediction> pending)
    {
        Pending = pending;
        return StageOutcome.Pending;
    }

    /// <summary>The moment, as a timestamp of the same clock.</summary>
    public readonly long Now => _time.GetTimestamp();

    /// <summary>A place for each stage of a <see cref="StagedPredictor"/>.</summary>
    [InlineArray(Count)]
    internal struct StageSlots
    {
        public const int Count = 6;

        private object? _first;
    }
}
