namespace MlServe;

/// <summary>
/// A built-in feature of a pipeline: what it does before a call and after it, and what it waits for. Stages that stand next to each other
/// are run in order by one pooled operation (<see cref="StagedPredictor"/>), which costs a fraction of as many nested async methods. Hooks
/// must not throw; one that does ends the call with its exception, and stages that were not left yet see <see cref="Failed"/>. A stage that
/// changes the inputs, the options or the token of a call puts the former ones back when it is left.
/// </summary>
internal abstract class PredictionStage : IDisposable, IAsyncDisposable
{
    /// <summary>Whether its hooks call code of the application's, which finds the caller's context there.</summary>
    public virtual bool CallsApplication => false;

    /// <summary>Which slot of a call is the stage's own; said by the pipeline.</summary>
    internal int Slot { get; set; }

    /// <summary>Runs before the call, in the caller's context.</summary>
    public virtual StageOutcome Before(ref StageCall call) => StageOutcome.Next;

    /// <summary>
    /// Runs when what <see cref="Before"/>, or this hook itself, waited for has ended, in the caller's context;
    /// <see cref="StageCall.Answer"/> is what it ended with.
    /// </summary>
    public virtual StageOutcome Resume(ref StageCall call) => StageOutcome.Answered;

    /// <summary>
    /// Runs after the call, in reverse order, also for the stage that answered; may replace <see cref="StageCall.Answer"/>, whose former
    /// value it then disposes. In the caller's context if there is no answer, or if <see cref="CallsApplication"/>.
    /// </summary>
    /// <returns><see cref="StageOutcome.Next"/>, or <see cref="StageOutcome.Pending"/>: what is waited for is the answer then.</returns>
    public virtual StageOutcome After(ref StageCall call)
    {
        Leave(ref call);
        return StageOutcome.Next;
    }

    /// <summary>
    /// Runs in place of <see cref="After"/> where the call ended with an exception: a cancellation, or a predictor that breaks the
    /// contract.
    /// </summary>
    /// <returns>Whether the stage has set <see cref="StageCall.Answer"/>, which takes the place of the exception.</returns>
    public virtual bool Failed(ref StageCall call, Exception exception)
    {
        Leave(ref call);
        return false;
    }

    /// <summary>A capability that the stage offers, as in <see cref="IPredictor.GetService"/>.</summary>
    public virtual object? GetService(Type serviceType) => serviceType.IsInstanceOfType(this) ? this : null;

    public virtual void Dispose()
    {
    }

    public virtual ValueTask DisposeAsync()
    {
        Dispose();
        return default;
    }

    /// <summary>Called by <see cref="After"/> and <see cref="Failed"/>, for a stage that does the same in both.</summary>
    protected virtual void Leave(ref StageCall call)
    {
    }

    /// <summary>What the stage remembers of a call.</summary>
    protected ref object? StateOf(ref StageCall call) => ref call.Slots[Slot];
}
