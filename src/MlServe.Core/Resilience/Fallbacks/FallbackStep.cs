using System.Diagnostics.CodeAnalysis;

namespace MlServe.Resilience;

/// <summary>One of those that answer in a model's place: a step of a fallback chain. Made by <see cref="FallbackBuilder"/>.</summary>
[Experimental("MLSERVE001")]
public abstract class FallbackStep
{
    private protected FallbackStep()
    {
    }

    /// <summary>The word for it in metrics: the name of a model, <c>stale_answer</c>, <c>value</c> or <c>delegate</c>.</summary>
    internal abstract string Tag { get; }

    /// <summary>The name of the model that is asked, for the host to find it; null: it is no model, or the predictor was given.</summary>
    public virtual string? Model => null;

    /// <summary>How long to wait for the model before this one is asked as well; null: until the model has failed.</summary>
    public virtual TimeSpan? After => null;

    /// <summary>
    /// Whether it gives earlier answers of the model itself, which go with the model, and of which a cache must keep some.
    /// </summary>
    public virtual bool NeedsStaleAnswers => false;

    /// <summary>Whether it is worth asking when the caller's time is over: it has the answer at hand.</summary>
    internal virtual bool IsInstant => false;

    /// <summary>Whether it may take longer than it is told, because it is code of the application.</summary>
    internal virtual bool MayOverrun => false;

    /// <summary>Says why it cannot stand in for a model: one sentence each. Runs nothing.</summary>
    /// <param name="name">The name of the model, for messages.</param>
    /// <param name="model">The model, loaded.</param>
    /// <param name="other">The loaded model that <see cref="Model"/> names; null: it is not there yet, and not looked at.</param>
    /// <returns>The problems; none: it can, as far as signatures tell.</returns>
    public virtual IEnumerable<string> ProblemsOf(string name, IPredictor model, IPredictor? other = null) => [];

    /// <summary>Says why it cannot stand for a model's outputs, as far as it gives values: one sentence each. Runs nothing.</summary>
    /// <param name="name">The name of the model, for messages.</param>
    /// <param name="outputs">The outputs, as the loaded model or its file declares them.</param>
    /// <param name="key">The key of the step in configuration, for messages; null: code made it.</param>
    /// <returns>The problems; none: it can, or gives no values.</returns>
    public virtual IEnumerable<string> ProblemsOf(string name, IReadOnlyList<ValueSignature> outputs, string? key = null) => [];

    /// <summary>Asks. An exception is a failure like any other, except the caller's cancellation.</summary>
    internal abstract ValueTask<Prediction> AnswerAsync(
        FallbackChain owner, PredictionInputs inputs, PredictionOptions? options, CancellationToken cancellationToken);

    /// <summary>Asks one that does not overrun, until a moment; one that has its answer at hand is asked also after that.</summary>
    internal virtual ValueTask<Prediction> AnswerAsync(
        FallbackChain owner, PredictionInputs inputs, PredictionOptions? options, Deadline deadline, CancellationToken cancellationToken) =>
        AnswerAsync(owner, inputs, options, cancellationToken);
}
