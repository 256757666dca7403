namespace MlServe.ChildProcess.Guests;

/// <summary>Waits until it is cancelled, with a callback at the token that throws.</summary>
internal sealed class WaitingLayer(IPredictor inner, Mischief mischief) : DelegatingPredictor(inner)
{
    public override async ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        cancellationToken.Register(() => mischief.Call("layer.Cancelled"));
        await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(false);
        return default;
    }
}
