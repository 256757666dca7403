namespace MlServe.Testing;

/// <summary>A request that a <see cref="FakePredictor"/> was asked: a copy, which outlives the call and the predictor. Immutable and safe
/// for concurrent use.</summary>
/// <param name="Inputs">A copy of the inputs.</param>
/// <param name="Options">The options of the call, as they were given.</param>
/// <param name="CancellationToken">The token of the call.</param>
public sealed record RecordedRequest(PredictionInputs Inputs, PredictionOptions? Options, CancellationToken CancellationToken);
