namespace MlServe.Onnx;

/// <summary>
/// Runs a model while it is loaded: each run takes a place in the host's gate, so that models that serve are not disturbed beyond its limit, and ends with the load. Safe for
/// one thread.
/// </summary>
internal sealed class TrialRuns(RunGate gate, TimeProvider time, CancellationToken cancellationToken)
{
    /// <summary>Gives the load up.</summary>
    public CancellationToken CancellationToken { get; } = cancellationToken;

    /// <summary>Runs the rows that lie in a lane.</summary>
    /// <exception cref="OperationCanceledException">The load was given up.</exception>
    public PredictionError? Run(OnnxLane lane, int rows, OutputSelection outputs)
    {
        using var place = TrialPlace.Take(gate, time, CancellationToken);
        return lane.Run(rows, outputs, CancellationToken);
    }
}
