using Microsoft.Extensions.Logging;

namespace MlServe.Batching;

/// <summary>
/// Whether rows of several callers may be run together, as far as rows that were run again alone have shown. It is lost for good.
/// </summary>
internal sealed class BatchTrust(BatchContext context, ILogger? logger, ModelEvents? events)
{
    private volatile bool _isLost;

    /// <summary>Whether rows were seen to depend on each other, so that none has company any more.</summary>
    public bool IsLost => _isLost;

    /// <summary>The trust in answers, for others who keep or share them.</summary>
    public AnswerTrust InAnswers { get; } = new();

    /// <summary>Takes note of a row that was run again alone.</summary>
    /// <param name="outcome">The outcome.</param>
    /// <param name="batchRows">The rows of its batch.</param>
    /// <param name="difference">The largest difference, as a share of an output's magnitude.</param>
    public void Rechecked(RecheckOutcome outcome, int batchRows, double difference)
    {
        if (outcome is RecheckOutcome.Different or RecheckOutcome.Unrepeatable && !_isLost) Lose(outcome, batchRows, difference);
        context.Totals.Rechecked();
        context.Metrics.Rechecked(outcome);
    }

    private void Lose(RecheckOutcome outcome, int batchRows, double difference)
    {
        _isLost = true;
        InAnswers.Lose();
        var reason = outcome == RecheckOutcome.Unrepeatable
            ? "it is not answered alike alone either: the model is not deterministic, or keeps state"
            : FormattableString.Invariant(
                $"its answer differs by {difference:0.0e+0} of its magnitude, by more than OnnxModelOptions.BatchTolerance");
        context.Totals.StoppedBecause = reason;
        events?.Publish(new BatchingStopped(context.Name, context.Identity, reason, context.Time.GetUtcNow()));
        if (logger is not null) LogMessages.BatchingStopped(logger, context.Name, context.Identity.Version, batchRows, reason);
    }
}
