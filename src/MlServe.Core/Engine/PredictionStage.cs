namespace MlServe;

/// <summary>
/// A built-in feature of a pipeline: what it does before a call and after it. Stages that stand next to each other are run in order by one pooled
/// operation (<see cref="StagedPredictor"/>), which costs a fraction of as many nested async methods. Hooks must not throw; one that does ends
/// the call with its exception, and stages that were not left yet see <see cref="Failed"/>.
/// </summary>
internal abstract class PredictionStage : IDisposable
{
    /// <summary>Whether a pipeline has one of its kind at most.</summary>
    public virtual bool IsSingle => false;

    /// <summary>Whether its hooks call code of the application's, which finds the caller's context there.</summary>
    public virtual bool CallsApplication => false;

    /// <summary>Runs before the call.</summary>
    /// <returns>True to go on; false where <see cref="StageCall.Answer"/> has been set and the stages behind this one are to be left out.</returns>
    public virtual bool Before(ref StageCall call) => true;

    /// <summary>
    /// Runs after the call, in reverse order, also for the stage that answered; may replace <see cref="StageCall.Answer"/>, whose former value it then
    /// disposes.
    /// </summary>
    public virtual void After(ref StageCall call)
    {
    }

    /// <summary>Runs in place of <see cref="After"/> where the call ended with an exception: a cancellation, or a predictor that breaks the contract.</summary>
    public virtual void Failed(ref StageCall call, Exception exception)
    {
    }

    /// <summary>A capability that the stage offers, as in <see cref="IPredictor.GetService"/>.</summary>
    public virtual object? GetService(Type serviceType) => serviceType.IsInstanceOfType(this) ? this : null;

    public virtual void Dispose()
    {
    }
}
