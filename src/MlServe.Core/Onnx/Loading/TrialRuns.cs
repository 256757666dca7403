namespace MlServe.Onnx;

/// <summary>
/// Runs a model while it is loaded. Each run takes a place in the host's gate, so that models that serve are not disturbed beyond its
/// limit. Each run ends with the load. Safe for one thread.
/// </summary>
internal sealed class TrialRuns(RunGate gate, TimeProvider time, bool isCheck, CancellationToken cancellationToken)
{
    /// <summary>Gives the load up.</summary>
    public CancellationToken CancellationToken { get; } = cancellationToken;

    /// <summary>How long the last run took, without its wait for a place.</summary>
    public TimeSpan LastRunTime { get; private set; }

    /// <summary>Runs the rows that lie in a lane.</summary>
    /// <exception cref="OperationCanceledException">The load was given up.</exception>
    /// <exception cref="ModelLoadException">The model is only tried, and there was not enough memory.</exception>
    public PredictionError? Run(OnnxLane lane, int rows, OutputSelection outputs)
    {
        PredictionError? error;
        using (TrialPlace.Take(gate, time, CancellationToken))
        {
            var started = time.GetTimestamp();
            error = lane.Run(rows, outputs, CancellationToken);
            LastRunTime = time.GetElapsedTime(started);
        }

        if (isCheck && error?.Exception is { } exception && OrtErrors.IsOutOfMemory(exception))
        {
            throw new ModelLoadException(ModelLoadFailure.VerificationFailed,
                $"a run of {rows} row(s) takes more memory than there is here (Verification.MaxMemoryBytes): {exception.Message}",
                exception);
        }

        return error;
    }
}
