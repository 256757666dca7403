using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using MlServe.Threading;

namespace MlServe;

/// <summary>
/// One call on its way through the <see cref="PredictionStage"/>s of a pipeline; its stages are given it by reference. Made by the pipeline
/// alone, and valid within a hook. Fields, because hooks hand inputs on without a copy.
/// </summary>
[Experimental("MLSERVE001")]
[SuppressMessage("Design", "CA1051", Justification = "Given by reference, and handed on so.")]
[SuppressMessage("Performance", "CA1815", Justification = "Nobody compares calls.")]
public struct StageCall
{
    /// <summary>The inputs, borrowed until the call ends. A stage that changes them puts the former ones back.</summary>
    public PredictionInputs Inputs;

    /// <summary>The options of the call; null: the defaults. A stage that changes them puts the former ones back.</summary>
    public PredictionOptions? Options;

    /// <summary>The caller's token. A stage that changes it puts the former one back.</summary>
    public CancellationToken CancellationToken;

    /// <summary>
    /// The timestamp until which the caller waits; <see cref="long.MaxValue"/>: never. A stage that changes it puts the former one back.
    /// </summary>
    internal long Deadline;

    /// <summary>The answer so far. A stage that replaces it disposes of the former one.</summary>
    public Prediction Answer;

    /// <summary>The task that is waited for.</summary>
    internal ValueTask<Prediction> Pending;

    /// <summary>The memory of each stage of the call.</summary>
    internal StageSlots Slots;

    /// <summary>How many stages have been entered and not left.</summary>
    internal int Depth;

    internal StagePhase Phase;

    /// <summary>When the model was asked, as a timestamp; for the one stage of a pipeline that times it.</summary>
    internal long AskedAt;

    /// <summary>The predictor that a stage sends the call to, in place of all behind the stage; null: the call goes on.</summary>
    public IPredictor? Target;

    private readonly TimeProvider _time;
    private long _started;
    private bool _isTimed;

    /// <param name="inputs">The inputs.</param>
    /// <param name="options">The caller's options.</param>
    /// <param name="deadline">Until when the caller waits; never: as the options say.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">The caller's token.</param>
    internal StageCall(
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
    internal readonly bool IsTimed => _isTimed;

    /// <summary>The moment until which the caller waits, for predictors behind the stages.</summary>
    internal readonly Deadline Until => new(_time, Deadline);

    /// <summary>How long the caller waits in all; null: as long as it takes.</summary>
    internal TimeSpan? Limit => Deadline == long.MaxValue ? null : _time.GetElapsedTime(Begin(), Deadline);

    /// <summary>
    /// When the call began, as a timestamp of the pipeline's <see cref="TimeProvider"/>. The clock is read once a call, for the first stage
    /// that asks, and not at all if none does. So ask in <see cref="PredictionStage.Before"/>, or look at <see cref="IsTimed"/> first.
    /// </summary>
    internal long Started
    {
        get
        {
            _isTimed = true;
            return Begin();
        }
    }

    /// <summary>Limits a call whose caller has not said how long it waits, and which no limit outside has.</summary>
    /// <param name="limit">How long it may take, from its beginning on.</param>
    internal void LimitTo(TimeSpan limit)
    {
        if (Deadline == long.MaxValue && Options?.Timeout is null) Deadline = Timestamps.After(_time, Begin(), limit);
    }

    private long Begin()
    {
        if (_started == 0) _started = _time.GetTimestamp();
        return _started;
    }

    /// <summary>Asks a predictor on the call's behalf: with its inputs, options and token, and the rest of its time.</summary>
    /// <param name="predictor">The predictor: another model, say.</param>
    /// <returns>The answer; to be given to <see cref="Wait"/>, or awaited.</returns>
    public readonly ValueTask<Prediction> Ask(IPredictor predictor)
    {
        ArgumentNullException.ThrowIfNull(predictor);
        return Deadline == long.MaxValue
            ? predictor.PredictAsync(Inputs, Options, CancellationToken)
            : Until.Ask(predictor, Inputs, Options, CancellationToken);
    }

    /// <summary>
    /// Says what the stage waits for. It returns what this returns. On the way in, <see cref="PredictionStage.Resume"/> goes on with its
    /// result; on the way out, the result is the answer.
    /// </summary>
    /// <param name="pending">The task, which is awaited once.</param>
    /// <returns><see cref="StageOutcome.Pending"/>.</returns>
    public StageOutcome Wait(ValueTask<Prediction> pending)
    {
        Pending = pending;
        return StageOutcome.Pending;
    }

    /// <summary>The moment, as a timestamp of the same clock.</summary>
    internal readonly long Now => _time.GetTimestamp();

    /// <summary>A place for each stage of a <see cref="StagedPredictor"/>.</summary>
    [InlineArray(Count)]
    internal struct StageSlots
    {
        public const int Count = 6;

        private object? _first;
    }
}
