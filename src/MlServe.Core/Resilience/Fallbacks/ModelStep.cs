namespace MlServe.Resilience;

/// <summary>Another model.</summary>
internal sealed class ModelStep : FallbackStep
{
    private readonly IPredictor? _predictor;

    public ModelStep(string name, IPredictor? predictor = null, TimeSpan? after = null)
    {
        Name = name;
        _predictor = predictor;
        After = after;
    }

    public string Name { get; }

    internal override string Tag => Name;

    internal override bool MayOverrun => _predictor is not (null or IKeepsDeadlines);

    public override string? Model => IsGiven ? null : Name;

    public override TimeSpan? After { get; }

    /// <summary>Whether a pipeline built by hand was given the predictor itself.</summary>
    public bool IsGiven => _predictor is not null;

    /// <summary>The same, asked beside the model when that has taken so long.</summary>
    public ModelStep AskedAfter(TimeSpan delay) => new(Name, _predictor, delay);

    public IPredictor? Find(FallbackChain owner) => _predictor ?? owner.Targets?.Find(Name);

    public override IEnumerable<string> ProblemsOf(string name, IPredictor model, IPredictor? other = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (other is null || IsGiven) yield break;
        var misfits = SignatureFit.Misfits(model.Signature, other.Signature).ToList();
        if (misfits.Count > 0)
            yield return $"'{Name}' cannot stand in for model '{name}': {string.Join("; ", misfits)}. Take another for its fallback "
                + "chain.";
    }

    internal override ValueTask<Prediction> AnswerAsync(
        FallbackChain owner, PredictionInputs inputs, PredictionOptions? options, CancellationToken cancellationToken) =>
        AnswerAsync(owner, inputs, options, Deadline.Never, cancellationToken);

    internal override ValueTask<Prediction> AnswerAsync(
        FallbackChain owner, PredictionInputs inputs, PredictionOptions? options, Deadline deadline, CancellationToken cancellationToken) =>
        Find(owner) is { } predictor
            ? deadline.Ask(predictor, inputs, options, cancellationToken)
            : new(Prediction.FromError(new(
                PredictionStatus.NotReady, PredictionErrorCode.NotLoaded, "There is no model '{0}' to stand in for model '{1}'.", Name,
                owner.Model)));
}
