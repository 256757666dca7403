using System.Diagnostics.CodeAnalysis;

namespace MlServe;

/// <summary>
/// A layer as hooks before a call and after it. Stages that stand next to each other are run in order by one pooled operation. That costs
/// a fraction of as many nested async methods, and allocates nothing. Added by <see cref="PredictorBuilder.UseStage"/>. The built-in layers
/// are stages; <see cref="DelegatingPredictor"/> is the simpler form.
/// </summary>
/// <remarks>
/// Safe for concurrent use: one stage serves all calls, and what it remembers of one lies in <see cref="StateOf"/>. Hooks must neither
/// throw nor block; one that throws ends the call with its exception, and stages that were not left yet see <see cref="Failed"/>. A stage
/// that changes the inputs, the options or the token of a call puts the former ones back when it is left. A stage belongs to one pipeline,
/// which disposes it.
/// </remarks>
[Experimental("MLSERVE001")]
public abstract class PredictionStage : IDisposable, IAsyncDisposable
{
    /// <summary>Whether its hooks call code of the application's, which finds the caller's context there. Default: false.</summary>
    public virtual bool CallsApplication => false;

    /// <summary>Which slot of a call is the stage's own; said by the pipeline.</summary>
    internal int Slot { get; set; }

    /// <summary>Runs before the call, in the caller's context.</summary>
    /// <param name="call">The call, on its way in.</param>
    /// <returns>
    /// <see cref="StageOutcome.Next"/>: go on. <see cref="StageOutcome.Answered"/>: <see cref="StageCall.Answer"/> has been set.
    /// <see cref="StageOutcome.Pending"/>, by <see cref="StageCall.Wait"/>: go on with <see cref="Resume"/> when that has ended.
    /// </returns>
    public virtual StageOutcome Before(ref StageCall call) => StageOutcome.Next;

    /// <summary>
    /// Runs when what <see cref="Before"/>, or this hook itself, waited for has ended, in the caller's context;
    /// <see cref="StageCall.Answer"/> is what it ended with.
    /// </summary>
    /// <param name="call">The call, on its way in.</param>
    /// <returns>As <see cref="Before"/>. Default: <see cref="StageOutcome.Answered"/>.</returns>
    public virtual StageOutcome Resume(ref StageCall call) => StageOutcome.Answered;

    /// <summary>
    /// Runs after the call, in reverse order, also for the stage that answered; may replace <see cref="StageCall.Answer"/>, whose former
    /// value it then disposes. In the caller's context if there is no answer, or if <see cref="CallsApplication"/>.
    /// </summary>
    /// <param name="call">The call, on its way out.</param>
    /// <returns><see cref="StageOutcome.Next"/>, or <see cref="StageOutcome.Pending"/>: the awaited result is the answer then.</returns>
    public virtual StageOutcome After(ref StageCall call)
    {
        Leave(ref call);
        return StageOutcome.Next;
    }

    /// <summary>
    /// Runs in place of <see cref="After"/> if the call ended with an exception: a cancellation, or a predictor that breaks the contract.
    /// </summary>
    /// <param name="call">The call, on its way out.</param>
    /// <param name="exception">The exception that ended it.</param>
    /// <returns>Whether the stage has set <see cref="StageCall.Answer"/>, which takes the place of the exception.</returns>
    public virtual bool Failed(ref StageCall call, Exception exception)
    {
        Leave(ref call);
        return false;
    }

    /// <summary>A capability that the stage offers, as in <see cref="IPredictor.GetService"/>.</summary>
    /// <param name="serviceType">The type of the capability.</param>
    /// <returns>The capability; null if there is none. Default: the stage itself, if it is of that type.</returns>
    public virtual object? GetService(Type serviceType) => serviceType?.IsInstanceOfType(this) == true ? this : null;

    /// <summary>Disposes of what the stage itself holds. Called once, with the pipeline.</summary>
    public virtual void Dispose() => GC.SuppressFinalize(this);

    /// <summary>As <see cref="Dispose"/>, which it calls unless it is overridden.</summary>
    /// <returns>Ends when it is done.</returns>
    public virtual ValueTask DisposeAsync()
    {
        Dispose();
        GC.SuppressFinalize(this);
        return default;
    }

    /// <summary>Called by <see cref="After"/> and <see cref="Failed"/>, for a stage that does the same in both.</summary>
    /// <param name="call">The call, on its way out.</param>
    protected virtual void Leave(ref StageCall call)
    {
    }

    /// <summary>The stage's memory of a call: null at first, and to be null again when the stage is left.</summary>
    /// <param name="call">The call.</param>
    /// <returns>The stage's own place in the call.</returns>
    protected ref object? StateOf(ref StageCall call) => ref call.Slots[Slot];
}
