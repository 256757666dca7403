namespace MlServe;

/// <summary>One call on its way through the stages.</summary>
internal struct StageCall(PredictionInputs inputs, PredictionOptions? options, CancellationToken cancellationToken)
{
    public PredictionInputs Inputs = inputs;
    public PredictionOptions? Options = options;
    public CancellationToken CancellationToken = cancellationToken;

    /// <summary>The answer so far.</summary>
    public Prediction Answer;

    /// <summary>Timestamps of the pipeline's <see cref="TimeProvider"/>; 0 where no stage needs them.</summary>
    public long Started;
    public long Ended;
}
