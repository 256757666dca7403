namespace MlServe;

/// <summary>What a builder has built: the outermost predictor together with all that has to be disposed, and the twins of its layers.</summary>
/// <param name="outermost">The predictor that sees a request first.</param>
/// <param name="made">What is disposed with it, innermost first.</param>
/// <param name="twins">The layers of a pipeline for the warm-up, outermost first.</param>
internal sealed class Pipeline(IPredictor outermost, List<IPredictor> made, IReadOnlyList<PipelineLayer> twins) : DelegatingPredictor(outermost)
{
    private int _disposed;

    /// <summary>
    /// Layers as this pipeline's, but others: built around the same model with services that lead nowhere, they do for a request what these do, and these keep no trace of it.
    /// </summary>
    public IReadOnlyList<PipelineLayer> Twins => twins;

    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, typeof(IPredictor));
        return Inner.PredictAsync(inputs, options, cancellationToken);
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (!disposing || Interlocked.Exchange(ref _disposed, 1) != 0) return;
        for (var i = made.Count - 1; i >= 0; i--)
            made[i].Dispose();
    }

    protected override async ValueTask DisposeAsyncCore()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            for (var i = made.Count - 1; i >= 0; i--)
                await made[i].DisposeAsync().ConfigureAwait(false);
        }

        await base.DisposeAsyncCore().ConfigureAwait(false);
    }
}
