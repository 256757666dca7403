namespace MlServe.ChildProcess.Guests;

/// <summary>Holds requests back until it is told to let them go.</summary>
internal sealed class HoldingLayer(IPredictor inner, Task hold) : DelegatingPredictor(inner)
{
    public override async ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        await hold.ConfigureAwait(false);
        return await base.PredictAsync(inputs, options, cancellationToken).ConfigureAwait(false);
    }
}
