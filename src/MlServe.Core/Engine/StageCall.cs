using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

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

    /// <summary>The answer so far. A stage that replaces it disposes of the former one.</summary>
    public Prediction Answer;

    /// <summary>The predictor that a stage sends the call to, in place of all behind the stage; null: the call goes on.</summary>
    public IPredictor? Target;

    /// <summary>What is waited for.</summary>
    internal ValueTask<Prediction> Pending;

    /// <summary>What each stage remembers of the call.</summary>
    internal StageSlots Slots;

    /// <summary>How many stages have been entered and not left.</summary>
    internal int Depth;

    internal StagePhase Phase;

    /// <summary>When the model was asked, as a timestamp; for the one stage of a pipeline that times it.</summary>
    internal long AskedAt;

    private readonly TimeProvider _time;
    private long _started;

    internal StageCall(PredictionInputs inputs, PredictionOptions? options, TimeProvider time, CancellationToken cancellationToken)
    {
        Inputs = inputs;
        Options = options;
        CancellationToken = cancellationToken;
        _time = time;
    }

    /// <summary>Whether a stage has asked for <see cref="Started"/>, so that it may be read after the call.</summary>
    internal readonly bool IsTimed => _started != 0;

    /// <summary>
    /// When the call began, as a timestamp of the pipeline's <see cref="TimeProvider"/>. The clock is read once a call, for the first stage
    /// that asks, and not at all where none does; so ask in <see cref="PredictionStage.Before"/>, or look at <see cref="IsTimed"/> first.
    /// </summary>
    internal long Started
    {
        get
        {
            if (_started == 0) _started = _time.GetTimestamp();
            return _started;
        }
    }

    /// <summary>
    /// Says what the stage waits for. It returns what this returns. On the way in, <see cref="PredictionStage.Resume"/> goes on with its
    /// result; on the way out, the result is the answer.
    /// </summary>
    /// <param name="pending">What is waited for; awaited once.</param>
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
