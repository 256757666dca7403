namespace MlServe.Resilience;

/// <summary>One of those that answer in a model's place.</summary>
internal abstract class FallbackStep
{
    /// <summary>What stands for it in metrics.</summary>
    public abstract string Tag { get; }

    /// <summary>Whether it is worth asking when the caller's time is over: it has the answer at hand.</summary>
    public virtual bool IsInstant => false;

    /// <summary>Whether it may take longer than it is told, because it is code of the application.</summary>
    public virtual bool MayOverrun => false;

    /// <summary>Asks. What it throws is a failure like any other, except the caller's cancellation.</summary>
    public abstract ValueTask<Prediction> AnswerAsync(
        FallbackChain owner, PredictionInputs inputs, PredictionOptions? options, CancellationToken cancellationToken);

    /// <summary>Asks one that does not overrun, until a moment; one that has its answer at hand is asked also after that.</summary>
    public virtual ValueTask<Prediction> AnswerAsync(
        FallbackChain owner, PredictionInputs inputs, PredictionOptions? options, Deadline deadline, CancellationToken cancellationToken) =>
        AnswerAsync(owner, inputs, options, cancellationToken);
}
