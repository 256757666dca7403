namespace MlServe;

/// <summary>Holds requests back until it is told to let them go.</summary>
internal sealed class HeldPredictor(IPredictor inner, HeldPredictor.Hold hold) : DelegatingPredictor(inner)
{
    public override async ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        await hold.Released.ConfigureAwait(false);
        return await base.PredictAsync(inputs, options, cancellationToken).ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) hold.Disposals++;
        base.Dispose(disposing);
    }

    internal sealed class Hold
    {
        private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Released => _released.Task;

        public int Disposals { get; set; }

        public void Release() => _released.TrySetResult();
    }
}
