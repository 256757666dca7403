namespace MlServe.Onnx.Probing;

/// <summary>The limits of trying a model: runs, and time. A run that has begun is not cut off but by the token.</summary>
internal sealed class TrialBudget(TimeProvider time, CancellationToken cancellationToken)
{
    /// <summary>All runs of one load, of a single row or of several.</summary>
    public const int MaxRuns = 2000;

    /// <summary>
    /// After this time no further company is tried if the graph tells all but how large rounding is. So fast models are tried more, and
    /// slow ones load no later.
    /// </summary>
    public static readonly TimeSpan ForRounding = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// How long a model is tried whose graph does not tell whether rows are independent. Beyond it the answer is that it could not be found
    /// out.
    /// </summary>
    public static readonly TimeSpan ForEvidence = TimeSpan.FromSeconds(5);

    private readonly long _started = time.GetTimestamp();

    public int Runs { get; private set; }

    public CancellationToken CancellationToken => cancellationToken;

    /// <summary>Whether another run may begin.</summary>
    public bool Has(TimeSpan limit) => Runs < MaxRuns && time.GetElapsedTime(_started) < limit;

    /// <exception cref="OperationCanceledException">The load was given up.</exception>
    public void CountRun()
    {
        cancellationToken.ThrowIfCancellationRequested();
        Runs++;
    }
}
