using System.Runtime.CompilerServices;
using MlServe.Threading;

namespace MlServe;

/// <summary>One call on its way through the stages.</summary>
internal struct StageCall
{
    public PredictionInputs Inputs;
    public PredictionOptions? Options;
    public CancellationToken CancellationToken;

    /// <summary>
    /// The timestamp until which the caller waits; <see cref="long.MaxValue"/>: never. A stage that changes it puts the former one back.
    /// </summary>
    public long Deadline;

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

    private readonly TimeProvider _time;
    private long _started;
    private bool _isTimed;

    /// <param name="inputs">The inputs.</param>
    /// <param name="options">The caller's options.</param>
    /// <param name="deadline">Until when the caller waits; never: as the options say.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">The caller's token.</param>
    public StageCall(
        PredictionInputs inputs, PredictionOptions? options, Deadline deadline, TimeProvider time, CancellationToken cancellationToken)
    {
        Inputs = inputs;
        Options = options;
        CancellationToken = cancellationToken;
        _time = time;
        Deadline = deadline.IsNever && MlServe.Deadline.LimitOf(options) is { } limit
            ? Timestamps.After(time, Begin(), limit)
            : deadline.On(time);
    }

    /// <summary>Whether a stage has asked for <see cref="Started"/>, so that it may be read after the call.</summary>
    public readonly bool IsTimed => _isTimed;

    /// <summary>Until when the caller waits, for what is behind the stages.</summary>
    public readonly Deadline Until => new(_time, Deadline);

    /// <summary>How long the caller waits in all; null: as long as it takes.</summary>
    public TimeSpan? Limit => Deadline == long.MaxValue ? null : _time.GetElapsedTime(Begin(), Deadline);

    /// <summary>
    /// When the call began, as a timestamp of the pipeline's <see cref="TimeProvider"/>. The clock is read once a call, for the first stage
    /// that asks, and not at all where none does; so ask in <see cref="PredictionStage.Before"/>, or look at <see cref="IsTimed"/> first.
    /// </summary>
    public long Started
    {
        get
        {
            _isTimed = true;
            return Begin();
        }
    }

    /// <summary>Limits a call whose caller has not said how long it waits, and which no limit outside has.</summary>
    /// <param name="limit">How long it may take, from its beginning on.</param>
    public void LimitTo(TimeSpan limit)
    {
        if (Deadline == long.MaxValue && Options?.Timeout is null) Deadline = Timestamps.After(_time, Begin(), limit);
    }

    private long Begin()
    {
        if (_started == 0) _started = _time.GetTimestamp();
        return _started;
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
