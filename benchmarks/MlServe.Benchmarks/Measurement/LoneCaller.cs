namespace MlServe.Benchmarks.Measurement;

/// <summary>One caller that asks again and again and reads the answers.</summary>
internal sealed class LoneCaller(IPredictor predictor, float[] row)
{
    private readonly float[] _answer = new float[64];

    public void Run(int calls)
    {
        for (var i = 0; i < calls; i++)
        {
            var pending = predictor.PredictAsync(PredictionInputs.Row(row));
            using var prediction = pending.IsCompleted ? pending.Result : pending.AsTask().GetAwaiter().GetResult();
            for (var output = 0; output < prediction.Count; output++)
                prediction[output].AsSpan<float>().CopyTo(_answer);
        }
    }
}
