namespace MlServe.Attack.House;

/// <summary>A layer of the application's that yields, or throws now and then.</summary>
internal sealed class HouseLayer(IPredictor inner, bool isThrowing) : DelegatingPredictor(inner)
{
    private int _calls;

    public override async ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        var call = Interlocked.Increment(ref _calls);
        if (isThrowing && call % 50 == 0) throw new HouseException("The layer throws.");
        if (!isThrowing) await Task.Yield();
        var answer = await base.PredictAsync(inputs, options, cancellationToken).ConfigureAwait(false);
        if (isThrowing && call % 50 == 25)
        {
            answer.Dispose();
            throw new HouseException("The layer throws after the model's answer.");
        }

        return answer;
    }
}
