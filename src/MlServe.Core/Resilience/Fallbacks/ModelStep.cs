namespace MlServe.Resilience;

/// <summary>Another model.</summary>
internal sealed class ModelStep : FallbackStep
{
    private readonly IPredictor? _predictor;

    public ModelStep(string name, IPredictor? predictor = null)
    {
        Name = name;
        _predictor = predictor;
    }

    public string Name { get; }

    public override string Tag => Name;

    public override bool MayOverrun => _predictor is not (null or IKeepsDeadlines);

    /// <summary>How long to wait for the model before this one is asked as well; null: until it has failed.</summary>
    public TimeSpan? After { get; set; }

    /// <summary>Whether a pipeline built by hand was given the predictor itself.</summary>
    public bool IsGiven => _predictor is not null;

    public IPredictor? Find(FallbackChain owner) => _predictor ?? owner.Targets?.Find(Name);

    public override ValueTask<Prediction> AnswerAsync(
        FallbackChain owner, PredictionInputs inputs, PredictionOptions? options, CancellationToken cancellationToken) =>
        AnswerAsync(owner, inputs, options, Deadline.Never, cancellationToken);

    public override ValueTask<Prediction> AnswerAsync(
        FallbackChain owner, PredictionInputs inputs, PredictionOptions? options, Deadline deadline, CancellationToken cancellationToken) =>
        Find(owner) is { } predictor
            ? deadline.Ask(predictor, inputs, options, cancellationToken)
            : new(Prediction.FromError(new(
                PredictionStatus.NotReady, PredictionErrorCode.NotLoaded, "There is no model '{0}' to stand in for model '{1}'.", Name,
                owner.Model)));
}
